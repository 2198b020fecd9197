//! Opening the database file, and what makes it one of ours.

use std::{
    fs::OpenOptions,
    io,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    time::Duration,
};

use rusqlite::{Connection, OpenFlags, TransactionBehavior};
use rustix::{
    fs::{Access, access},
    io::Errno,
};

use crate::{
    durable::{self, FileFault, PRIVATE_FILE},
    store::{Reason, Unavailable},
};

/// "EVGR", in the header of the file: nobody else's database is ever written to.
const APPLICATION_ID: i32 = 0x4556_4752;

/// Each brings the schema one version further. They only add: a process of the version before goes on working
/// with what a newer one has migrated, until both are replaced.
const MIGRATIONS: &[&str] = &[
    include_str!("schema.sql"),
    include_str!("schema_2.sql"),
    include_str!("schema_3.sql"),
    include_str!("schema_4.sql"),
    include_str!("schema_5.sql"),
];

/// The newest schema version that this program knows.
const KNOWN: u32 = 5;
const _: () = assert!(MIGRATIONS.len() == KNOWN as usize);

/// How long a reader waits for another process that recovers the log after a crash.
const RECOVERY_WAIT: Duration = Duration::from_secs(5);

/// Why a file is not a store that can be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConnectError {
    /// The system refused.
    #[error(transparent)]
    Fault(#[from] FileFault),
    /// It is a file of something else.
    #[error("{} is not a store of Evergrant; name another file", .0.display())]
    NotAStore(PathBuf),
    /// A newer Evergrant has migrated it.
    #[error("the store has schema version {found}, this Evergrant knows up to {known}; upgrade Evergrant")]
    NewerVersion {
        /// The version of the store.
        found: u32,
        /// The newest version that this program knows.
        known: u32,
    },
    /// SQLite could not open or migrate it.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

impl From<rusqlite::Error> for ConnectError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Unavailable(error.into())
    }
}

/// Opens the database for writing; a file that does not exist is made, closed to others.
pub(super) fn open_writer(path: &Path, lock_wait: Duration) -> Result<Connection, ConnectError> {
    prepare_file(path)?;
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(lock_wait)?;
    check_application(&connection, path)?;
    // FULL: a commit that was acknowledged survives the loss of power, not only of the process.
    // A batch has to fit into the cache: pages that do not are written once for every command. The log is copied
    // back in larger portions than usual, since pages that have changed several times are then copied once.
    connection.execute_batch(
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA temp_store = MEMORY;
         PRAGMA cache_size = -16000; PRAGMA wal_autocheckpoint = 4000;",
    )?;
    connection.set_prepared_statement_cache_capacity(64);
    Ok(connection)
}

/// Opens the database of a store that is open already, for reading.
pub(super) fn open_reader(path: &Path) -> Result<Connection, Unavailable> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(RECOVERY_WAIT)?;
    // Opened for writing, since a reader may have to recover the log; this keeps it from anything else.
    connection.execute_batch("PRAGMA query_only = ON;")?;
    connection.set_prepared_statement_cache_capacity(64);
    Ok(connection)
}

/// Brings the schema to the newest version. `first` is called within the transaction that makes the first one.
pub(super) fn migrate<E: From<ConnectError>>(
    connection: &mut Connection,
    first: impl FnOnce(&Connection) -> Result<(), E>,
) -> Result<(), E> {
    let lift = |error: rusqlite::Error| E::from(error.into());
    if schema_version(connection).map_err(lift)? == KNOWN {
        return Ok(());
    }
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(lift)?;
    let (found, known) = (schema_version(&transaction).map_err(lift)?, KNOWN);
    if found > known {
        return Err(ConnectError::NewerVersion { found, known }.into());
    }
    for migration in MIGRATIONS.iter().skip(found as usize) {
        transaction.execute_batch(migration).map_err(lift)?;
    }
    transaction.pragma_update(None, "application_id", APPLICATION_ID).map_err(lift)?;
    transaction.pragma_update(None, "user_version", known).map_err(lift)?;
    if found == 0 {
        first(&transaction)?;
    }
    transaction.commit().map_err(lift)
}

/// Whether the file holds a store already.
pub(super) fn is_new(connection: &Connection) -> Result<bool, ConnectError> {
    Ok(schema_version(connection)? == 0)
}

fn schema_version(connection: &Connection) -> rusqlite::Result<u32> {
    connection.pragma_query_value(None, "user_version", |row| row.get(0))
}

fn prepare_file(path: &Path) -> Result<(), ConnectError> {
    if let Some(directory) = path.parent().filter(|directory| !directory.as_os_str().is_empty()) {
        durable::create_directory(directory)?;
    }
    // Made here and not by SQLite, which would let others read it; SQLite gives its other files the same mode.
    match OpenOptions::new().write(true).create_new(true).mode(PRIVATE_FILE).open(path) {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(check_writable(path)?),
        Err(error) => Err(FileFault::doing("create", path)(error).into()),
    }
}

/// SQLite only says that it cannot open the file. Asked without opening it: closing any descriptor of a file gives up
/// every POSIX lock that this process has on it, those of other connections too, and the next process to close the
/// database would then take itself for the last one and remove the log that they go on writing to.
fn check_writable(path: &Path) -> Result<(), Unavailable> {
    match access(path, Access::WRITE_OK) {
        Err(error @ Errno::ROFS) => {
            Err(Unavailable::new(Reason::ReadOnly, format_args!("{}: {error}", path.display())))
        }
        _ => Ok(()),
    }
}

fn check_application(connection: &Connection, path: &Path) -> Result<(), ConnectError> {
    let foreign = || ConnectError::NotAStore(path.to_owned());
    let id = connection.pragma_query_value(None, "application_id", |row| row.get::<_, i32>(0));
    match id {
        Ok(APPLICATION_ID) => Ok(()),
        Ok(0) => {
            let tables: i64 =
                connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
            if tables == 0 { Ok(()) } else { Err(foreign()) }
        }
        Ok(_) => Err(foreign()),
        Err(error) if error.sqlite_error_code() == Some(rusqlite::ErrorCode::NotADatabase) => Err(foreign()),
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use std::{
        fs,
        os::unix::fs::{MetadataExt, PermissionsExt},
    };

    use super::*;

    fn place() -> (tempfile::TempDir, PathBuf) {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("nested").join("store.db");
        (directory, path)
    }

    fn make(path: &Path) -> Connection {
        let mut connection = open_writer(path, RECOVERY_WAIT).unwrap();
        migrate(&mut connection, |_| Ok::<_, ConnectError>(())).unwrap();
        connection
    }

    #[test]
    fn a_new_store_is_closed_to_others_in_every_file() {
        let (_directory, path) = place();
        let connection = make(&path);
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(path.parent().unwrap()), 0o700);
        for entry in fs::read_dir(path.parent().unwrap()).unwrap() {
            assert_eq!(mode(&entry.unwrap().path()), 0o600);
        }
        assert!(fs::metadata(path.with_extension("db-wal")).is_ok());
        drop(connection);
    }

    #[test]
    fn every_commit_waits_for_the_disk() {
        let (_directory, path) = place();
        let connection = make(&path);
        let synchronous: i32 = connection.pragma_query_value(None, "synchronous", |row| row.get(0)).unwrap();
        let journal: String = connection.pragma_query_value(None, "journal_mode", |row| row.get(0)).unwrap();
        assert_eq!((synchronous, journal.as_str()), (2, "wal"));
    }

    #[test]
    fn the_database_of_another_program_is_refused_and_untouched() {
        let (_directory, path) = place();
        prepare_file(&path).unwrap();
        Connection::open(&path).unwrap().execute_batch("CREATE TABLE bookmarks (url TEXT)").unwrap();
        let before = fs::read(&path).unwrap();
        assert_eq!(open_writer(&path, RECOVERY_WAIT).unwrap_err(), ConnectError::NotAStore(path.clone()));
        assert_eq!(fs::read(&path).unwrap(), before);
        fs::write(
            &path,
            "a letter to a friend, long enough to be taken for the head of a database file by mistake",
        )
        .unwrap();
        assert_eq!(open_writer(&path, RECOVERY_WAIT).unwrap_err(), ConnectError::NotAStore(path));
    }

    #[test]
    fn a_store_of_a_newer_version_is_refused_with_the_remedy() {
        let (_directory, path) = place();
        let mut connection = make(&path);
        connection.pragma_update(None, "user_version", 99).unwrap();
        let error = migrate(&mut connection, |_| Ok::<_, ConnectError>(())).unwrap_err();
        assert_eq!(error, ConnectError::NewerVersion { found: 99, known: KNOWN });
        assert!(error.to_string().contains("upgrade"), "{error}");
    }

    #[test]
    fn a_store_of_the_first_version_is_brought_to_the_newest_and_was_never_adopted() {
        let (_directory, path) = place();
        let mut connection = open_writer(&path, RECOVERY_WAIT).unwrap();
        connection.execute_batch(MIGRATIONS[0]).unwrap();
        connection
            .execute_batch(
                "INSERT INTO store (only, id, epoch, change, probe) VALUES (1, 'a', 'b', 7, x'00')",
            )
            .unwrap();
        connection.pragma_update(None, "application_id", APPLICATION_ID).unwrap();
        connection.pragma_update(None, "user_version", 1).unwrap();
        migrate(&mut connection, |_| -> Result<(), ConnectError> { panic!("it has its identity") }).unwrap();
        let read = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get(1)?));
        let found: (i64, i64) =
            connection.query_row("SELECT change, adoptions FROM store", [], read).unwrap();
        assert_eq!(found, (7, 0));
        assert_eq!(schema_version(&connection).unwrap(), KNOWN);
    }

    #[test]
    fn the_grants_of_a_store_from_before_are_counted_once_when_it_is_opened() {
        let (_directory, path) = place();
        let mut connection = open_writer(&path, RECOVERY_WAIT).unwrap();
        for migration in &MIGRATIONS[..3] {
            connection.execute_batch(migration).unwrap();
        }
        let insert = "INSERT INTO grants (id, namespace, client, state, removed, change, written, record)
            VALUES (randomblob(16), 'default', 'crm', ?1, ?2, 1, 1, '{}')";
        for (state, removed) in [("active", 0), ("active", 0), ("revoked", 0), ("revoked", 1)] {
            connection.execute(insert, (state, removed)).unwrap();
        }
        connection.pragma_update(None, "user_version", 3).unwrap();
        migrate(&mut connection, |_| Ok::<_, ConnectError>(())).unwrap();
        connection.execute(insert, ("degraded", 0)).unwrap();
        let mut statement =
            connection.prepare("SELECT state, grants FROM grant_states ORDER BY state").unwrap();
        let read = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
        let counts: Vec<(String, i64)> = read.map(Result::unwrap).collect();
        let expected = [("active", 2), ("degraded", 1), ("revoked", 1)];
        assert_eq!(counts, expected.map(|(state, count)| (state.to_owned(), count)));
    }

    /// The locks that this process has on the database file, as the system lists them.
    fn locks_on(path: &Path) -> usize {
        let metadata = fs::metadata(path).unwrap();
        let (device, inode) = (metadata.dev(), metadata.ino());
        let file = format!("{:02x}:{:02x}:{inode}", rustix::fs::major(device), rustix::fs::minor(device));
        let ours = std::process::id().to_string();
        let on_file = |line: &&str| {
            let fields: Vec<_> = line.split_ascii_whitespace().collect();
            fields.contains(&ours.as_str()) && fields.contains(&file.as_str())
        };
        // The list comes in pieces, between which other tests lock and unlock: one look in many misses a lock, or sees it
        // twice, and half of them never do.
        let look = |_| fs::read_to_string("/proc/locks").unwrap().lines().filter(on_file).count();
        let mut looks: Vec<_> = (0..9).map(look).collect();
        looks.sort_unstable();
        looks[4]
    }

    #[test]
    fn opening_a_store_once_more_gives_up_no_lock_of_the_connections_that_have_it_open() {
        let (_directory, path) = place();
        let first = make(&path);
        let held = locks_on(&path);
        assert!(held > 0, "a connection keeps the file from being taken for abandoned");
        drop(open_writer(&path, RECOVERY_WAIT).unwrap());
        assert_eq!(locks_on(&path), held);
        drop(first);
    }

    #[test]
    fn a_reader_cannot_write() {
        let (_directory, path) = place();
        make(&path);
        let reader = open_reader(&path).unwrap();
        let error = Unavailable::from(reader.execute("DELETE FROM grants", []).unwrap_err());
        assert_eq!(error.reason, Reason::ReadOnly);
    }

    #[test]
    fn a_path_that_is_a_directory_is_a_clear_error() {
        let directory = tempfile::tempdir().unwrap();
        let error = open_writer(directory.path(), RECOVERY_WAIT).unwrap_err();
        assert!(
            matches!(error, ConnectError::Unavailable(Unavailable { reason: Reason::Denied, .. })),
            "{error}"
        );
    }
}
