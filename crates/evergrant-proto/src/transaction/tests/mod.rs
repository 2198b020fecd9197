mod endings;
mod revoked;
pub(crate) mod world;
