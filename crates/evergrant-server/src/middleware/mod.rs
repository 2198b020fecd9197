//! What happens to every request, before and after its route.

mod authenticate;
mod caching;
mod measure;
mod observe;
mod panic;

pub(crate) use self::{
    authenticate::authenticate, caching::forbid_caching, measure::measure, observe::observe,
    panic::answer_panic,
};
