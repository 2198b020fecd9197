//! Many grants from outside at once.

use evergrant_store::{
    StoreError,
    import::{Candidate, Imported, Imports, Matching, Outcome},
};

use crate::{Keeper, NewGrant};

impl Keeper {
    /// Takes over many refresh tokens, in one transaction: a few hundred at a time, since everybody else who writes waits
    /// for it. What was imported before is found again and left alone, so the same ones may come twice; nothing is
    /// presented to a provider by it.
    ///
    /// # Errors
    ///
    /// The store is away. What became of each one is in the answer.
    pub async fn import_many(
        &self,
        new: Vec<NewGrant>,
        matching: Matching,
    ) -> Result<Vec<Outcome>, StoreError> {
        let outcomes = self.shared.store.import(self.imports(new, matching, false)).await?;
        for imported in outcomes.iter().flatten() {
            if let Imported::Updated(grant) = imported {
                self.forget_grant(*grant);
            }
        }
        Ok(outcomes)
    }

    /// What [`Keeper::import_many`] would do with each of these if it came alone. Nothing is written.
    ///
    /// # Errors
    ///
    /// The store is away.
    pub async fn check_imports(
        &self,
        new: Vec<NewGrant>,
        matching: Matching,
    ) -> Result<Vec<Outcome>, StoreError> {
        self.shared.store.import(self.imports(new, matching, true)).await
    }

    fn imports(&self, new: Vec<NewGrant>, matching: Matching, dry_run: bool) -> Imports {
        let candidate = |new: NewGrant| {
            let named = new.into.is_some();
            Candidate { import: self.import_of(new), named }
        };
        Imports { candidates: new.into_iter().map(candidate).collect(), matching, dry_run }
    }
}
