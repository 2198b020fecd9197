//! What happens to every request, before and after its route.

mod authenticate;
mod caching;
mod observe;
mod panic;

pub(crate) use self::{
    authenticate::authenticate, caching::forbid_caching, observe::observe, panic::answer_panic,
};
