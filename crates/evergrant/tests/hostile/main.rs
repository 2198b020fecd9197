//! The keeper against whatever may answer in a provider's place: broken servers, firewalls, captive portals, and
//! people who mean harm. Each answer is played byte by byte. None of them may end a grant, show a secret, or leave
//! people without the cause.

#![expect(clippy::unwrap_used, reason = "in a test a panic is the report")]

mod destinations;
mod discovery;
mod odd_successes;
mod provider;
mod returning;
mod short_lived;
mod unusable_answers;
mod words;
mod world;
