//! Batches of lines, each one transaction.

use evergrant::{
    Keeper,
    proto::name::{ClientName, Namespace},
    store::{StoreError, import::Matching},
};

use super::{Entry, Found, LineReader, Read};

/// Lines in one transaction. More would make whoever else writes wait for little gain.
pub const BATCH: usize = 128;

/// Takes lines over.
#[derive(Debug, Clone)]
pub struct Importer {
    /// Where the grants are kept.
    pub keeper: Keeper,
    /// Whose they are.
    pub namespace: Namespace,
    /// The client of lines that name none.
    pub client: Option<ClientName>,
    /// By what grants are found.
    pub matching: Matching,
    /// Nothing is written.
    pub dry_run: bool,
}

impl Importer {
    /// Takes over at most [`BATCH`] lines; what became of each one, in their order. What is reported as done is durable.
    ///
    /// # Errors
    ///
    /// The store is away: none of them was looked at, and to send them again is safe.
    #[expect(clippy::missing_panics_doc, reason = "the store has an outcome for each of them")]
    pub async fn import(&self, lines: &[Found]) -> Result<Vec<Entry>, StoreError> {
        let reader = LineReader {
            namespace: self.namespace.clone(),
            client: self.client.clone(),
            now: self.keeper.clock().now().wall,
        };
        let (mut grants, mut rows) = (Vec::new(), Vec::with_capacity(lines.len()));
        for line in lines {
            let Read { external_id, grant } = reader.read(line);
            let refused = match grant {
                Ok(new) => {
                    grants.push(new);
                    None
                }
                Err(refused) => Some(refused),
            };
            rows.push((line.number, external_id, refused));
        }
        let outcomes = match (grants.is_empty(), self.dry_run) {
            (true, _) => Vec::new(),
            (false, true) => self.keeper.check_imports(grants, self.matching).await?,
            (false, false) => self.keeper.import_many(grants, self.matching).await?,
        };
        let mut outcomes = outcomes.into_iter();
        let entry = |(line, external_id, refused)| match refused {
            Some(refused) => Entry::refused(line, external_id, refused),
            None => Entry::of(line, external_id, outcomes.next().expect("every candidate has its outcome")),
        };
        Ok(rows.into_iter().map(entry).collect())
    }
}
