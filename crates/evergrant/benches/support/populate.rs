//! Many grants at once: the rows that imports would have made, written without their commits.

use std::{iter, path::Path, sync::mpsc, thread};

use evergrant::{
    Keeper, NewGrant,
    proto::{
        engine::Settings,
        grant::{GrantRecord, Owner, expose_access, expose_credential},
        name::GrantId,
        scope::ScopeSet,
        secret::{AccessToken, RefreshToken},
    },
    store::{
        Store,
        key::{KeyRing, file},
        seal::SealedPlace,
        sqlite::Paths,
    },
};
use rusqlite::{Connection, params};
use tokio::runtime::Runtime;

use crate::{
    draw::Draw,
    world::{LIFETIME, TOKEN_LENGTH, add_client, client, database, open, open_store},
};

/// Rows that are handed over at once.
const PORTION: usize = 1000;

/// Makes a store of this many grants, each with an access token that is good for an hour.
pub(crate) fn populate(runtime: &Runtime, folder: &Path, grants: usize) -> Vec<GrantId> {
    let first = begin(runtime, folder);
    let mut draw = Draw::from_seed(11);
    let mut others: Vec<_> = iter::repeat_with(|| id(&mut draw)).take(grants - 1).collect();
    others.sort_unstable();
    let keys = file::load(&Paths::beside(&database(folder)).keys).expect("the store has keys");
    let mut connection = Connection::open(database(folder)).expect("the database can be opened");
    thread::scope(|scope| {
        // Making rows takes about as long as writing them.
        let (sender, receiver) = mpsc::sync_channel::<Vec<NewRow>>(4);
        let (first, others, keys) = (&first, &others, &keys);
        scope.spawn(move || make(first, others, keys, &sender));
        insert_all(&mut connection, first.id, receiver.iter().flatten())
            .expect("the database can be written");
    });
    others.push(first.id);
    others
}

/// Makes the store, its client and one grant, which the others are copies of but for ids, owners and tokens.
fn begin(runtime: &Runtime, folder: &Path) -> GrantRecord {
    let (keeper, driver) = open(folder, Settings::default());
    let grant = runtime.block_on(async {
        add_client(&keeper).await;
        import(&keeper).await
    });
    drop((keeper, driver));
    let found = runtime.block_on(open_store(folder).grant(grant)).expect("the store can be read");
    found.expect("the grant was just imported").0
}

async fn import(keeper: &Keeper) -> GrantId {
    let mut draw = Draw::from_seed(1);
    let end = keeper.clock().now().wall.plus(LIFETIME);
    let access_token = AccessToken::new(draw.token(TOKEN_LENGTH)).expect("a valid token");
    let new = NewGrant {
        access_token: Some((access_token, Some(end))),
        scopes: ScopeSet::parse("openid profile mail.read", ' ').expect("a valid scope"),
        owner: Owner { external_id: Some(draw.token(20)), ..Owner::default() },
        ..NewGrant::new(client(), RefreshToken::new(draw.token(TOKEN_LENGTH)).expect("a valid token"))
    };
    keeper.import(new).await.expect("the grant can be imported").id
}

/// The columns in which grants differ.
struct NewRow {
    id: GrantId,
    external_id: Option<String>,
    fingerprint: [u8; 32],
    record: String,
    credential: Vec<u8>,
    access: Vec<u8>,
}

fn make(first: &GrantRecord, others: &[GrantId], keys: &KeyRing, rows: &mpsc::SyncSender<Vec<NewRow>>) {
    let mut draw = Draw::from_seed(12);
    for portion in others.chunks(PORTION) {
        let made = portion.iter().map(|id| NewRow::of(another(first, *id, &mut draw), keys)).collect();
        rows.send(made).expect("the receiver takes every row");
    }
}

fn id(draw: &mut Draw) -> GrantId {
    GrantId(u128::from(draw.number()) << 64 | u128::from(draw.number()))
}

fn another(first: &GrantRecord, id: GrantId, draw: &mut Draw) -> GrantRecord {
    let mut grant = GrantRecord { id, ..first.clone() };
    grant.owner.external_id = Some(draw.token(20));
    if let Some(held) = &mut grant.credential {
        held.refresh_token = RefreshToken::new(draw.token(TOKEN_LENGTH)).expect("a valid token");
    }
    for entry in &mut grant.access {
        entry.token = AccessToken::new(draw.token(TOKEN_LENGTH)).expect("a valid token");
    }
    grant
}

impl NewRow {
    fn of(grant: GrantRecord, keys: &KeyRing) -> Self {
        let name = grant.id.to_string();
        let place = |field| SealedPlace {
            namespace: grant.namespace.as_str(),
            record: &name,
            field,
            generation: grant.generation.0,
        };
        let held = grant.credential.as_ref().expect("an import brings a refresh token");
        Self {
            id: grant.id,
            fingerprint: keys.fingerprint(held.refresh_token.expose().as_bytes()),
            record: serde_json::to_string(&grant).expect("a record serializes"),
            credential: keys.seal(&place("credential"), &expose_credential(held)),
            access: keys.seal(&place("access"), &expose_access(&grant.access)),
            external_id: grant.owner.external_id,
        }
    }
}

fn insert_all(
    connection: &mut Connection,
    first: GrantId,
    rows: impl Iterator<Item = NewRow>,
) -> rusqlite::Result<()> {
    connection.execute_batch(
        "PRAGMA journal_mode = DELETE; PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;
         PRAGMA cache_size = -400000; PRAGMA temp_store = MEMORY;",
    )?;
    let transaction = connection.transaction()?;
    // Indexes are made faster from all rows than row by row.
    let indexes = indexes(&transaction)?;
    for (name, _) in &indexes {
        transaction.execute_batch(&format!("DROP INDEX {name}"))?;
    }
    let sql = insertion(&transaction)?;
    for row in rows {
        transaction.prepare_cached(&sql)?.execute(params![
            first.0.to_be_bytes(),
            row.id.0.to_be_bytes(),
            row.external_id,
            row.fingerprint,
            row.record,
            row.credential,
            row.access
        ])?;
    }
    for (_, sql) in &indexes {
        transaction.execute_batch(sql)?;
    }
    transaction.commit()?;
    connection.execute_batch("PRAGMA journal_mode = WAL")
}

fn indexes(connection: &Connection) -> rusqlite::Result<Vec<(String, String)>> {
    connection
        .prepare("SELECT name, sql FROM sqlite_schema WHERE type = 'index' AND tbl_name = 'grants' AND sql NOT NULL")?
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect()
}

/// A statement that copies the row of grant `?1` but for the columns in which grants differ, `?2` to `?7`.
fn insertion(connection: &Connection) -> rusqlite::Result<String> {
    const OWN: [&str; 6] = ["id", "external_id", "fingerprint", "record", "credential", "access"];
    let columns: Vec<String> = connection
        .prepare("SELECT name FROM pragma_table_info('grants')")?
        .query_map([], |row| row.get(0))?
        .collect::<rusqlite::Result<_>>()?;
    let value = |column: &String| match OWN.iter().position(|own| own == column) {
        Some(position) => format!("?{}", position + 2),
        None => column.clone(),
    };
    let values: Vec<_> = columns.iter().map(value).collect();
    Ok(format!("INSERT INTO grants SELECT {} FROM grants WHERE id = ?1", values.join(", ")))
}
