//! A table of refresh tokens that is taken over, in batches as the route and the command line make them.
//!
//! Yardstick: the rows that it leaves, inserted in batches of the same size by one connection that knows nothing of what
//! they mean: no look for another holder, no judgement, no sealing.

#[path = "support/draw.rs"]
mod draw;
#[path = "support/report.rs"]
mod report;
#[path = "support/world.rs"]
mod world;

use std::{fs, path::Path};

use evergrant::{
    NewGrant,
    proto::{
        engine::Settings,
        grant::Owner,
        secret::{AccessToken, RefreshToken},
    },
    store::import::{Imported, Matching},
};
use rusqlite::{Connection, params_from_iter, types::Value};
use tokio::runtime::Runtime;

use draw::Draw;
use report::{Comparison, print, timed};
use world::{LIFETIME, TOKEN_LENGTH, add_client, client, database, folder, open};

const GRANTS: usize = 12_800;

/// As the server has it.
const BATCH: usize = 128;

/// What an import writes.
const TABLES: [&str; 3] = ["grants", "imported", "events"];

fn main() {
    let runtime = Runtime::new().expect("a runtime can be started");
    let empty = folder();
    let (keeper, driver) = open(empty.path(), background_off());
    runtime.block_on(add_client(&keeper));
    drop((keeper, driver));
    let full = folder();
    import(&runtime, empty.path(), full.path());
    let rows = TABLES.map(|table| Rows::of(full.path(), table));
    let comparison = Comparison::of(
        || {
            let place = folder();
            import(&runtime, empty.path(), place.path())
        },
        || {
            let place = folder();
            insert(empty.path(), place.path(), &rows)
        },
    );
    let detail = format!(
        "{:.0} lines a second, the bare rows {:.0}; {GRANTS} in batches of {BATCH}",
        comparison.ours(),
        comparison.yardstick()
    );
    print("import.rate", comparison.ratio(), 0.3.., "per-second", &detail);
}

fn background_off() -> Settings {
    Settings { scheduler: false, ..Settings::default() }
}

/// Copies a store that is closed.
fn copy(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).expect("the folder can be read") {
        let entry = entry.expect("the folder can be read");
        if entry.file_type().expect("a file has a type").is_file() {
            fs::copy(entry.path(), to.join(entry.file_name())).expect("a file can be copied");
        }
    }
}

fn lines() -> Vec<NewGrant> {
    let mut draw = Draw::from_seed(21);
    let line = |_| {
        let mut token = || draw.token(TOKEN_LENGTH);
        let refresh_token = RefreshToken::new(token()).expect("a valid token");
        let access_token = AccessToken::new(token()).expect("a valid token");
        NewGrant {
            access_token: Some((access_token, None)),
            owner: Owner { external_id: Some(draw.token(20)), ..Owner::default() },
            ..NewGrant::new(client(), refresh_token)
        }
    };
    (0..GRANTS).map(line).collect()
}

/// Lines a second.
fn import(runtime: &Runtime, empty: &Path, place: &Path) -> f64 {
    copy(empty, place);
    let (keeper, driver) = open(place, background_off());
    let mut lines = lines().into_iter();
    let took = timed(|| {
        runtime.block_on(async {
            loop {
                let batch: Vec<_> = lines.by_ref().take(BATCH).collect();
                if batch.is_empty() {
                    break;
                }
                let outcomes = keeper.import_many(batch, Matching::Account).await;
                let outcomes = outcomes.expect("the store can be written");
                assert!(outcomes.iter().all(|outcome| matches!(outcome, Ok(Imported::Created(_)))));
            }
        });
    });
    assert!(LIFETIME > took, "nothing becomes stale meanwhile");
    drop((keeper, driver));
    per_second(took.as_secs_f64())
}

#[expect(clippy::cast_precision_loss, reason = "some thousand are exact")]
fn per_second(seconds: f64) -> f64 {
    GRANTS as f64 / seconds
}

/// The rows of a table, in the order in which they were written.
struct Rows {
    insertion: String,
    rows: Vec<Vec<Value>>,
}

impl Rows {
    fn of(folder: &Path, table: &str) -> Self {
        let read = || -> rusqlite::Result<Self> {
            let connection = Connection::open(database(folder))?;
            // That the client was added is an event as well.
            let order = if table == "events" { "number" } else { "change" };
            let condition = if table == "events" { "grant_id NOT NULL" } else { "true" };
            let sql = format!("SELECT * FROM {table} WHERE {condition} ORDER BY {order}");
            let mut statement = connection.prepare(&sql)?;
            let columns = statement.column_count();
            let row = |row: &rusqlite::Row<'_>| (0..columns).map(|column| row.get(column)).collect();
            let rows = statement.query_map([], row)?.collect::<rusqlite::Result<Vec<_>>>()?;
            let places = vec!["?"; columns].join(", ");
            Ok(Self { insertion: format!("INSERT INTO {table} VALUES ({places})"), rows })
        };
        let rows = read().expect("the store can be read");
        assert_eq!(rows.rows.len(), GRANTS, "an import leaves a row in {table}");
        rows
    }
}

/// Rows of grants a second.
fn insert(empty: &Path, place: &Path, tables: &[Rows]) -> f64 {
    copy(empty, place);
    let connection = Connection::open(database(place)).expect("the copy can be opened");
    connection
        .execute_batch(
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA temp_store = MEMORY;
             PRAGMA cache_size = -16000; PRAGMA wal_autocheckpoint = 4000;
             DROP TRIGGER grants_counted_in; DROP TRIGGER grants_counted_out; DROP TRIGGER grants_counted_over;",
        )
        .expect("the settings of the store are valid");
    let took = timed(|| {
        for from in (0..GRANTS).step_by(BATCH) {
            insert_batch(&connection, tables, from).expect("the copy can be written");
        }
    });
    per_second(took.as_secs_f64())
}

fn insert_batch(connection: &Connection, tables: &[Rows], from: usize) -> rusqlite::Result<()> {
    connection.execute_batch("BEGIN IMMEDIATE")?;
    for index in from..from + BATCH {
        for table in tables {
            connection.prepare_cached(&table.insertion)?.execute(params_from_iter(&table.rows[index]))?;
        }
    }
    connection.execute_batch("COMMIT")
}
