//! Callers get tokens of the scope that they asked for: nothing beyond it, and nothing short of it.

use evergrant_proto::{engine::Issue, grant::AccessKey, scope::ScopeSet};

use super::Judge;

impl Judge {
    /// The provider issued this access token for this scope.
    pub(crate) fn note_scope(&mut self, token: &str, scope: &str) {
        if let Ok(scope) = scope.parse() {
            self.scopes.insert(token.to_owned(), scope);
        }
    }

    /// What is wrong with the scope of a token that a caller is given who asked for `key`.
    pub(crate) fn misfit(&self, issue: &Issue, key: &AccessKey) -> Option<String> {
        let whole: ScopeSet = self.scene.scopes.parse().ok()?;
        let wanted = key.scope.as_ref().unwrap_or(&whole);
        // What a fault answered was never issued.
        let real = self.scopes.get(issue.access.token.expose())?;
        (real != wanted || issue.scope != *wanted).then(|| {
            let text = |scope: &ScopeSet| scope.joined_by(' ');
            format!(
                "got a token for `{}`, said to be for `{}`, and asked for `{}`",
                text(real),
                text(&issue.scope),
                text(wanted)
            )
        })
    }
}
