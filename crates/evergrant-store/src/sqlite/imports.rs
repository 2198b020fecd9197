//! Imports of many grants: which grant a refresh token belongs to, and batches of them as one transaction.

use evergrant_proto::{
    grant::{GrantRecord, GrantState, Owner},
    name::{ClientName, GrantId, Namespace},
    secret::RefreshToken,
    transaction::{Command, Conflict, Import},
};
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::{
    codec::{grant_id, id, integer},
    connect, grants,
    identity::{self, Identity},
    transact::{self, Caches, Surroundings},
    worker::{Broken, Worker, may_have_landed},
};
use crate::{
    import::{Candidate, Declined, Imported, Imports, Matching, Outcome},
    key::KeyRing,
    store::{StoreError, Unavailable},
};

/// Imports of one grant that are known again. More of them are new refresh tokens for it, each of which has taken the
/// place of the one before.
const REMEMBERED: i64 = 8;

/// Notes which grant the refresh token of an import was brought to: it is known by it also after its rotation.
pub(super) fn remember(
    connection: &Connection,
    keys: &KeyRing,
    command: &Command,
    change: u64,
) -> Result<(), StoreError> {
    let Command::Import(import) = command else { return Ok(()) };
    let grant = id(import.grant.0);
    let fingerprint = keys.fingerprint(import.refresh_token.expose().as_bytes());
    connection
        .prepare_cached("INSERT INTO imported (grant_id, change, fingerprint) VALUES (?1, ?2, ?3)")?
        .execute(params![grant, integer(change), fingerprint])?;
    connection
        .prepare_cached(
            "DELETE FROM imported WHERE grant_id = ?1 AND change <= (SELECT change FROM imported
             WHERE grant_id = ?1 ORDER BY change DESC LIMIT 1 OFFSET ?2)",
        )?
        .execute(params![grant, REMEMBERED])?;
    Ok(())
}

/// Another grant than `except` that this refresh token was brought to, unless that has ended: whoever imports it by
/// itself once more wants it to be kept again.
pub(super) fn brought_to(
    connection: &Connection,
    keys: &KeyRing,
    token: &RefreshToken,
    except: Option<GrantId>,
) -> Result<Option<GrantId>, StoreError> {
    let known = find(connection, keys, token, BROUGHT)?;
    Ok(known.filter(|known| !known.ended && Some(known.grant) != except).map(|known| known.grant))
}

/// A grant that a refresh token belongs to.
struct Known {
    grant: GrantId,
    namespace: String,
    client: String,
    subject: Option<String>,
    external_id: Option<String>,
    ended: bool,
}

const HELD: &str = "SELECT id, namespace, client, subject, external_id, removed = 1 OR state = 'revoked'
    FROM grants WHERE fingerprint = ?1 LIMIT 1";
const BROUGHT: &str = "SELECT id, namespace, client, subject, external_id, removed = 1 OR state = 'revoked'
    FROM imported JOIN grants ON id = grant_id WHERE imported.fingerprint = ?1 ORDER BY imported.change DESC LIMIT 1";

impl Known {
    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            grant: grant_id(row.get(0)?),
            namespace: row.get(1)?,
            client: row.get(2)?,
            subject: row.get(3)?,
            external_id: row.get(4)?,
            ended: row.get(5)?,
        })
    }

    /// What becomes of a candidate with its refresh token.
    fn judge(&self, candidate: &Candidate) -> Outcome {
        let Import { grant, namespace, client, owner, .. } = &candidate.import;
        let differs = |known: &Option<String>, brought: &Option<String>| {
            known.as_ref().zip(brought.as_ref()).is_some_and(|(known, brought)| known != brought)
        };
        if self.namespace != namespace.as_str() {
            Err(Declined::HeldElsewhere)
        } else if self.ended {
            Err(Declined::Ended(self.grant))
        } else if self.client != client.as_str()
            || candidate.named && self.grant != *grant
            || differs(&self.external_id, &owner.external_id)
            || differs(&self.subject, &owner.subject)
        {
            Err(Declined::HeldByAnother(self.grant))
        } else {
            Ok(Imported::Unchanged(self.grant))
        }
    }
}

fn find(
    connection: &Connection,
    keys: &KeyRing,
    token: &RefreshToken,
    sql: &str,
) -> Result<Option<Known>, StoreError> {
    let find = |fingerprint| connection.prepare_cached(sql)?.query_row([fingerprint], Known::read).optional();
    Ok(keys.look_up(token.expose().as_bytes(), find)?)
}

/// The live grant that a new refresh token belongs to; `None`: to a new one.
fn destination(
    connection: &Connection,
    candidate: &Candidate,
    matching: Matching,
) -> Result<Result<Option<GrantId>, Declined>, StoreError> {
    let Import { grant, namespace, client, owner, .. } = &candidate.import;
    if candidate.named {
        return Ok(Ok(Some(*grant)));
    }
    if let Some(subject) = &owner.subject
        && let Some(found) =
            grants::of_account(connection, namespace, client, subject, owner.external_id.as_deref())?
    {
        return Ok(Ok(Some(found)));
    }
    match (&owner.external_id, matching) {
        (Some(external_id), Matching::Person) => {
            let found = of_person(connection, namespace, client, external_id, owner.subject.as_deref())?;
            Ok(match found[..] {
                [] => Ok(None),
                [one] => Ok(Some(one)),
                _ => Err(Declined::Ambiguous),
            })
        }
        _ => Ok(Ok(None)),
    }
}

const OF_PERSON: &str = "SELECT id FROM grants WHERE namespace = ?1 AND external_id = ?2 AND client = ?3
    AND removed = 0 AND state <> 'revoked' AND (?4 IS NULL OR subject IS NULL OR subject = ?4) LIMIT 2";

/// Live grants of a person, two at most, that are not known to be of another account than `subject`.
fn of_person(
    connection: &Connection,
    namespace: &Namespace,
    client: &ClientName,
    external_id: &str,
    subject: Option<&str>,
) -> Result<Vec<GrantId>, StoreError> {
    let mut statement = connection.prepare_cached(OF_PERSON)?;
    let found = statement
        .query_map(params![namespace.as_str(), external_id, client.as_str(), subject], |row| {
            row.get(0).map(grant_id)
        })?;
    Ok(found.collect::<rusqlite::Result<_>>()?)
}

/// What to execute for a candidate.
enum Verdict {
    /// Nothing.
    Settled(Outcome),
    /// This, which brings that about.
    Execute(Command, Imported),
}

fn judge(
    connection: &Connection,
    keys: &KeyRing,
    candidate: &Candidate,
    matching: Matching,
) -> Result<Verdict, StoreError> {
    let token = &candidate.import.refresh_token;
    let known = match find(connection, keys, token, HELD)? {
        None => find(connection, keys, token, BROUGHT)?,
        held => held,
    };
    if let Some(known) = known {
        return Ok(Verdict::Settled(known.judge(candidate)));
    }
    let found = match destination(connection, candidate, matching)? {
        Ok(found) => found,
        Err(declined) => return Ok(Verdict::Settled(Err(declined))),
    };
    let command = |import| Command::Import(Box::new(import));
    let Some(found) = found else {
        let import = candidate.import.clone();
        let made = Imported::Created(import.grant);
        return Ok(Verdict::Execute(command(import), made));
    };
    let existing = grants::load(connection, keys, found, None)?;
    let existing = existing.filter(|grant| grant.namespace == candidate.import.namespace);
    Ok(match existing {
        None => Verdict::Settled(Err(Conflict::NoSuchGrant.into())),
        Some(grant) if grant.removed_at.is_some() => Verdict::Settled(Err(Declined::Ended(found))),
        Some(grant) if is_newer(&grant, candidate) => Verdict::Settled(Err(Declined::Older(found))),
        Some(grant) => Verdict::Execute(command(merged(&grant, candidate)), Imported::Updated(found)),
    })
}

/// Whether a living grant holds something newer.
fn is_newer(grant: &GrantRecord, candidate: &Candidate) -> bool {
    let lives = !matches!(grant.state, GrantState::NeedsReauthorization { .. });
    let held = grant.credential.as_ref().map(|held| held.obtained_at);
    lives && held.zip(candidate.import.obtained_at).is_some_and(|(held, brought)| brought < held)
}

/// A refresh token for a grant that exists: what nobody says stays as it is.
fn merged(grant: &GrantRecord, candidate: &Candidate) -> Import {
    let import = candidate.import.clone();
    let (known, said) = (grant.owner.clone(), import.owner);
    Import {
        grant: grant.id,
        owner: Owner {
            subject: said.subject.or(known.subject),
            tenant: said.tenant.or(known.tenant),
            external_id: said.external_id.or(known.external_id),
            labels: if said.labels.is_empty() { known.labels } else { said.labels },
        },
        scopes: if import.scopes.is_empty() { grant.granted.clone() } else { import.scopes },
        ..import
    }
}

/// Does what a command says, as the change of that number; `None`: only finds out whether it could be done.
fn carry_out(
    connection: &Connection,
    surroundings: &Surroundings<'_>,
    caches: &mut Caches,
    command: &Command,
    number: Option<u64>,
) -> Result<Result<(), Conflict>, StoreError> {
    let decided = match transact::decide(connection, surroundings, caches, command) {
        Err(StoreError::Conflict(conflict)) => return Ok(Err(conflict)),
        decided => decided?,
    };
    if let Some(number) = number {
        decided.write(connection, surroundings.keys, caches, number)?;
        remember(connection, surroundings.keys, command, number)?;
    }
    Ok(Ok(()))
}

impl Worker {
    /// Takes grants over, all in one transaction; what is `Ok` is durable. One that is declined leaves the others alone.
    pub(super) fn import(&mut self, imports: &Imports) -> Result<Vec<Outcome>, StoreError> {
        let Imports { candidates, matching, dry_run } = imports;
        if *dry_run {
            return self.rehearse(candidates, *matching);
        }
        let outcomes = self.import_all(candidates, *matching)?;
        self.tell(outcomes.iter().flatten().any(|done| !matches!(done, Imported::Unchanged(_))));
        Ok(outcomes)
    }

    /// Together, or one by one if they cannot be written together.
    fn import_all(
        &mut self,
        candidates: &[Candidate],
        matching: Matching,
    ) -> Result<Vec<Outcome>, StoreError> {
        match self.import_together(candidates, matching) {
            Err(Broken::InDoubt(fault)) => self.import_again(candidates, matching, fault),
            Err(Broken::Spoilt(_)) if candidates.len() > 1 => {
                let mut outcomes = Vec::with_capacity(candidates.len());
                for candidate in candidates.chunks(1) {
                    outcomes.extend(self.import_all(candidate, matching)?);
                }
                Ok(outcomes)
            }
            outcome => Ok(outcome?),
        }
    }

    /// After a commit of unknown fate, on a fresh connection: what has landed is found by its refresh token.
    fn import_again(
        &mut self,
        candidates: &[Candidate],
        matching: Matching,
        fault: Unavailable,
    ) -> Result<Vec<Outcome>, StoreError> {
        if let Ok(connection) = connect::open_writer(&self.path, self.lock_wait) {
            self.connection = connection;
        }
        let outcomes =
            self.import_together(candidates, matching).map_err(|_| StoreError::Ambiguous(fault))?;
        // Nobody else knows the id of a grant that was to be made.
        let found = |(candidate, outcome): (&Candidate, Outcome)| match outcome {
            Ok(Imported::Unchanged(grant)) if grant == candidate.import.grant && !candidate.named => {
                Ok(Imported::Created(grant))
            }
            outcome => outcome,
        };
        Ok(candidates.iter().zip(outcomes).map(found).collect())
    }

    fn import_together(
        &mut self,
        candidates: &[Candidate],
        matching: Matching,
    ) -> Result<Vec<Outcome>, Broken> {
        self.begin().map_err(Broken::Undone)?;
        let filled = self.import_within(candidates, matching, true);
        let (outcomes, identity) = filled.inspect_err(|_| self.roll_back())?;
        if let Err(error) = (self.commit)(&self.connection) {
            self.roll_back();
            return Err(if may_have_landed(&error) { Broken::InDoubt(error.into()) } else { error.into() });
        }
        self.identity = identity;
        Ok(outcomes)
    }

    /// What would happen.
    fn rehearse(&mut self, candidates: &[Candidate], matching: Matching) -> Result<Vec<Outcome>, StoreError> {
        self.whereabouts.check()?;
        self.connection.execute_batch("BEGIN")?;
        let seen = self.import_within(candidates, matching, false);
        self.roll_back();
        Ok(seen?.0)
    }

    fn import_within(
        &mut self,
        candidates: &[Candidate],
        matching: Matching,
        write: bool,
    ) -> Result<(Vec<Outcome>, Identity), Broken> {
        let mut identity = self.recognized().map_err(Broken::Undone)?;
        let before = identity.change;
        let (keys, now) = (&self.keys, self.clock.now());
        let surroundings = Surroundings::new(keys, &self.presence, &self.lifeboat, &identity, now);
        let mut outcomes = Vec::with_capacity(candidates.len());
        for candidate in candidates {
            let verdict = judge(&self.connection, &self.keys, candidate, matching).map_err(Broken::Spoilt)?;
            outcomes.push(match verdict {
                Verdict::Settled(outcome) => outcome,
                Verdict::Execute(command, brought) => {
                    let number = write.then_some(identity.change + 1);
                    let done = carry_out(&self.connection, &surroundings, &mut self.caches, &command, number);
                    let done = done.map_err(Broken::Spoilt)?;
                    identity.change += u64::from(write && done.is_ok());
                    done.map(|()| brought).map_err(Declined::from)
                }
            });
        }
        if identity.change != before {
            identity::set_change(&self.connection, identity.change)?;
        }
        Ok((outcomes, identity))
    }
}

#[cfg(test)]
mod tests {
    use rusqlite::params_from_iter;

    use super::*;

    #[test]
    fn an_import_costs_the_same_however_many_grants_there_are() {
        let connection = Connection::open_in_memory().unwrap();
        for schema in [include_str!("schema.sql"), include_str!("schema_4.sql")] {
            connection.execute_batch(schema).unwrap();
        }
        let plan = |sql: &str| {
            let mut statement = connection.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
            let nothing = vec![None::<i64>; statement.parameter_count()];
            let steps =
                statement.query_map(params_from_iter(nothing), |row| row.get::<_, String>(3)).unwrap();
            steps.map(Result::unwrap).collect::<Vec<_>>()
        };
        assert_eq!(plan(HELD), ["SEARCH grants USING INDEX grants_held (fingerprint=?)"]);
        let brought = plan(BROUGHT);
        assert_eq!(brought[0], "SEARCH imported USING COVERING INDEX imported_known (fingerprint=?)");
        assert!(brought[1].starts_with("SEARCH grants USING INDEX") && brought.len() == 2, "{brought:?}");
        let of_person = "SEARCH grants USING INDEX grants_of_person (namespace=? AND external_id=?)";
        assert_eq!(plan(OF_PERSON), [of_person]);
    }
}
