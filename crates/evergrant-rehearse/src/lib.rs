//! An OAuth 2.0 authorization server that plays every failure on demand, on a clock that stands still.
//!
//! It is for the tests of everybody who writes an OAuth client: point the client at [`Running::issuer`], make
//! something go wrong, move the clock, and let the journal judge what the client did. Nothing has to be slept for,
//! no token has to be awaited to expire, and a lost answer is lost exactly when the test says so.
//!
//! ```
//! use std::time::Duration;
//! use evergrant_rehearse::{Action, Endpoint, Fault, GrantType, PolicyName, Rehearsal, Settings};
//!
//! # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
//! let mut settings = Settings::default();
//! settings.clients[0].rotation = PolicyName::P2.into(); // a replay ends the whole grant
//! let rehearsal = Rehearsal::builder().settings(settings).start("127.0.0.1:0".parse()?).await?;
//!
//! // … connect the client under test: rehearsal.issuer(), `rehearse-basic`, `demo-secret-basic` …
//!
//! // The next refresh succeeds at the server, and the client never hears of it.
//! let lost = Fault::after_commit(Action::Drop).at(Endpoint::Token).of_grant(GrantType::RefreshToken);
//! rehearsal.add_fault(lost)?;
//! rehearsal.advance(Duration::from_secs(301)); // the access token has expired
//!
//! // … use the client, then ask what reached the server:
//! for entry in rehearsal.journal() {
//!     println!("{} {:?} {:?} {:?}", entry.at_ms.0, entry.endpoint, entry.reason, entry.presented);
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(()) })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # What it serves
//!
//! | endpoint | specification |
//! |---|---|
//! | `/.well-known/oauth-authorization-server`, `/.well-known/openid-configuration` | RFC 8414, OpenID Connect Discovery |
//! | `/authorize` | RFC 6749 4.1, PKCE S256 (RFC 7636), `iss` (RFC 9207), `resource` (RFC 8707), `prompt`, `nonce` |
//! | `/token` | codes, refresh tokens, device codes, client credentials; Basic, post, or a public client |
//! | `/device_authorization`, `/device` | RFC 8628 |
//! | `/revoke`, `/introspect` | RFC 7009, RFC 7662 |
//! | `/userinfo`, `/resource`, `/resource/<scope>` | resource servers that refuse as RFC 6750 says |
//! | `/jwks` | RS256 keys of the ID tokens |
//! | `/admin` | clock, clients, users, grants, faults, journal: `GET /admin` lists it |
//!
//! Users have no passwords. An authorization request with a known `login_hint` is answered at once with a redirect,
//! so that a test needs no browser; without it there is a page with a button for each user, which works as a plain
//! form POST to `/authorize/login` with one more field, `user`. A device is approved by a POST of `user_code` and
//! `user` to `/device`.
//!
//! # Rotation policies
//!
//! [`RotationPolicy`] has the eight behaviours that real servers show when a refresh token is used again, P0 (no
//! rotation) to P7 (overlap for hours), with window, count, and what a replay outside of them ends. It is set for
//! each client and may be changed while grants live.
//!
//! # Faults
//!
//! A [`Fault`] strikes [before](When::Before) the change of state, when a retry is harmless, or
//! [after](When::AfterCommit) it, when the code is redeemed and the token rotated and the client does not know. It
//! can answer with anything, close the connection, cut the answer short, delay it, or [hold](Action::Hold) the request
//! until the test has seen how many are waiting ([`Running::wait_held`]) and lets them go, or let the request arrive
//! [twice](Action::Repeat).
//!
//! # The journal
//!
//! Every request leaves a [`JournalEntry`]: where, when, which client and grant, which generation of the refresh
//! token was presented, how often it had been presented before, what it ended, and the [`Reason`] of a refusal by
//! name, while the client gets the one text for everything that real servers send, or the words of another dialect
//! ([`ClientSettings::wordings`]). Tokens appear as
//! [fingerprints](Fingerprint) only. The journal keeps a bounded number of entries
//! ([`Settings::journal_capacity`]); families of tokens are kept for ever, since a replay must be recognised.
//!
//! # Without HTTP
//!
//! [`Provider`] is the server as a value, without clock, randomness and I/O: [`Provider::handle`] takes a
//! [`Request`], a [`Timestamp`] and a source of random bytes. A simulation runs it in its own thread and repeats
//! every run from a seed.
//!
//! # What it is not
//!
//! It must never guard anything: whoever reaches it is whoever they say. The administration refuses web pages
//! (`Origin`, foreign `Host`), but not other programs on the network it listens on, so let it listen on loopback.

mod provider;
mod settings;
mod shell;

pub use provider::{
    Action, ChangeError, Delivery, Endpoint, Entropy, ExchangeId, FamilyId, Fault, FaultId, FaultStatus,
    Fingerprint, GrantType, InvalidFault, InvalidKey, IssuedGrant, JournalEntry, Method, Outcome, PkcePair,
    Progress, Provider, Reason, Request, Response, Revocation, RevocationCause, SharedGrant, SigningKey,
    Timestamp, Until, When,
};
pub use settings::{
    Ancestors, ApplicationType, AuthenticationMethod, ClientSettings, ErrorDescriptions,
    InvalidRotationPolicy, InvalidSettings, Lifetimes, Otherwise, PolicyName, RefreshTokens, RotationPolicy,
    Settings, TenantRefusal, UserSettings, Wording,
};
pub use shell::{Clock, ClockMode, ClockReading, Rehearsal, RehearsalBuilder, Running, StartError, banner};
