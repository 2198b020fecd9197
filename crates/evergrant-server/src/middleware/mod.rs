//! What happens to every request, before and after its route.

mod authenticate;
mod measure;
mod observe;
mod panic;

pub(crate) use self::{
    authenticate::{Gate, authenticate},
    measure::measure,
    observe::observe,
    panic::answer_panic,
};
