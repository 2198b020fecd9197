//! evergrant-server
