//! evergrant-store
