mod adopted;
mod endings;
mod repeated;
mod revoked;
pub(crate) mod world;
