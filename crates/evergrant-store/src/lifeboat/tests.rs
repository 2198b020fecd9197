use std::{fs, os::unix::fs::MetadataExt, thread};

use uuid::Uuid;

use super::*;
use crate::{presence::new_holder, testing::SmallDisk};

const SMALL: Capacity = Capacity { slots: 3, slot_bytes: 4096 };

struct Host {
    directory: tempfile::TempDir,
}

impl Host {
    fn new() -> Self {
        Self { directory: tempfile::tempdir().unwrap() }
    }

    fn path(&self) -> PathBuf {
        self.directory.path().join("lifeboat")
    }

    /// The lifeboat as one process sees it; dropping it is the death of the process.
    fn process(&self) -> Lifeboat {
        let holders = self.directory.path().join("holders");
        let presence = Presence::register(&holders, new_holder()).unwrap();
        Lifeboat::open(&self.path(), SMALL, Arc::new(presence)).unwrap()
    }

    fn damage(&self, offset: usize, byte: u8) {
        let mut bytes = fs::read(self.path()).unwrap();
        bytes[offset] ^= byte;
        fs::write(self.path(), bytes).unwrap();
    }
}

fn record(attempt: u128) -> Record {
    Record {
        store: StoreId(Uuid::from_u128(1)),
        epoch: Epoch(2),
        attempt: AttemptId(attempt),
        subject: "g_1".into(),
        sealed: vec![7; 1000],
    }
}

fn attempts(survey: &Survey) -> Vec<u128> {
    survey.records.iter().map(|found| found.record.attempt.0).collect()
}

#[test]
fn a_record_is_found_until_it_is_released() {
    let host = Host::new();
    let boat = host.process();
    let place = boat.reserve().unwrap();
    boat.write(&place, &record(9)).unwrap();
    let survey = boat.survey().unwrap();
    assert_eq!(survey.records, [Found { reservation: place, record: record(9) }]);
    boat.release(&place).unwrap();
    assert_eq!(boat.survey().unwrap(), Survey { free: 3, ..Survey::default() });
}

#[test]
fn reservations_of_one_process_bind_another() {
    let host = Host::new();
    let (here, there) = (host.process(), host.process());
    let first = here.reserve().unwrap();
    there.reserve().unwrap();
    there.reserve().unwrap();
    assert_eq!(here.reserve(), Err(LifeboatError::Full(3)));
    here.release(&first).unwrap();
    assert_eq!(there.reserve().unwrap().slot, first.slot);
}

#[test]
fn threads_never_get_the_same_place() {
    let host = Host::new();
    let boat = host.process();
    let slots: std::collections::BTreeSet<_> = thread::scope(|scope| {
        let threads: Vec<_> = (0..3).map(|_| scope.spawn(|| boat.reserve().unwrap().slot)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert_eq!(slots.len(), 3);
}

#[test]
fn the_places_of_a_dead_process_are_free_and_its_records_stay() {
    let host = Host::new();
    let here = host.process();
    let there = host.process();
    there.write(&there.reserve().unwrap(), &record(1)).unwrap();
    there.reserve().unwrap();
    there.reserve().unwrap();
    assert_eq!(here.survey().unwrap().reserved, 2);
    drop(there);
    assert_eq!(here.survey().unwrap().free, 2);
    here.reserve().unwrap();
    here.reserve().unwrap();
    assert_eq!(here.reserve(), Err(LifeboatError::Full(3)));
    assert_eq!(attempts(&here.survey().unwrap()), [1]);
}

#[test]
fn a_process_that_left_a_record_for_other_tables_only_has_left_nothing() {
    let host = Host::new();
    let boat = host.process();
    let place = boat.reserve().unwrap();
    boat.write(&place, &record(9)).unwrap();
    let Record { store, epoch, .. } = record(9);
    assert!(boat.holds_record_of(place.holder(), store, epoch).unwrap());
    assert!(!boat.holds_record_of(place.holder(), store, Epoch(3)).unwrap());
    assert!(!boat.holds_record_of(place.holder(), StoreId(Uuid::from_u128(2)), epoch).unwrap());
    assert!(!boat.holds_record_of(HolderId(1), store, epoch).unwrap());
}

#[test]
fn a_place_released_by_another_process_is_not_released_twice() {
    let host = Host::new();
    let (here, there) = (host.process(), host.process());
    let place = here.reserve().unwrap();
    here.write(&place, &record(1)).unwrap();
    there.release(&there.survey().unwrap().records[0].reservation).unwrap();
    let again = there.reserve().unwrap();
    assert_eq!(again.slot, place.slot);
    here.release(&place).unwrap();
    assert_eq!(here.write(&place, &record(1)), Err(LifeboatError::NotReserved));
    there.write(&again, &record(2)).unwrap();
    assert_eq!(attempts(&here.survey().unwrap()), [2]);
}

#[test]
fn a_record_too_large_for_its_place_is_refused_and_the_next_place_untouched() {
    let host = Host::new();
    let boat = host.process();
    let (first, second) = (boat.reserve().unwrap(), boat.reserve().unwrap());
    boat.write(&second, &record(2)).unwrap();
    let large = Record { sealed: vec![0; 4096], ..record(1) };
    assert!(matches!(boat.write(&first, &large), Err(LifeboatError::TooLarge { room: 4096, .. })));
    assert_eq!(attempts(&boat.survey().unwrap()), [2]);
}

#[test]
fn a_torn_record_is_reported_and_the_others_are_found() {
    let host = Host::new();
    let boat = host.process();
    for attempt in 1..=3 {
        boat.write(&boat.reserve().unwrap(), &record(attempt)).unwrap();
    }
    host.damage(HEAD_BYTES + 4096 + 500, 1);
    let survey = boat.survey().unwrap();
    assert_eq!(attempts(&survey), [1, 3]);
    assert_eq!(survey.damaged, [1]);
}

#[test]
fn a_damaged_place_is_used_again_only_when_nothing_else_is_free() {
    let host = Host::new();
    let boat = host.process();
    boat.write(&boat.reserve().unwrap(), &record(1)).unwrap();
    host.damage(HEAD_BYTES + 500, 1);
    let slots: Vec<_> = (0..3).map(|_| boat.reserve().unwrap().slot).collect();
    assert_eq!(slots, [1, 2, 0]);
}

#[test]
fn a_length_beyond_the_place_is_damage_and_not_the_next_record() {
    let host = Host::new();
    let boat = host.process();
    boat.write(&boat.reserve().unwrap(), &record(1)).unwrap();
    host.damage(HEAD_BYTES + 32, 0xff);
    assert_eq!(boat.survey().unwrap().damaged, [0]);
}

#[test]
fn a_file_that_is_no_lifeboat_or_not_all_of_it_is_refused() {
    let host = Host::new();
    drop(host.process());
    let good = fs::read(host.path()).unwrap();
    for bad in [b"".as_slice(), b"something else", &good[..good.len() - 1], &good[..HEAD_BYTES]] {
        fs::write(host.path(), bad).unwrap();
        let presence = Presence::register(&host.directory.path().join("holders"), new_holder()).unwrap();
        let error = Lifeboat::open(&host.path(), SMALL, Arc::new(presence)).unwrap_err();
        assert_eq!(error, LifeboatError::Malformed(host.path()));
    }
}

#[test]
fn an_existing_lifeboat_keeps_its_capacity() {
    let host = Host::new();
    drop(host.process());
    let presence = Presence::register(&host.directory.path().join("holders"), new_holder()).unwrap();
    let boat = Lifeboat::open(&host.path(), Capacity::default(), Arc::new(presence)).unwrap();
    assert_eq!(boat.capacity(), SMALL);
}

#[test]
fn a_record_is_written_on_a_disk_that_has_become_full() {
    let host = Host::new();
    let disk = SmallDisk::mount(1);
    let presence = Presence::register(&host.directory.path().join("holders"), new_holder()).unwrap();
    let boat = Lifeboat::open(&disk.path().join("lifeboat"), SMALL, Arc::new(presence)).unwrap();
    disk.fill();
    let place = boat.reserve().unwrap();
    boat.write(&place, &record(1)).unwrap();
    assert_eq!(attempts(&boat.survey().unwrap()), [1]);
}

#[test]
fn a_lifeboat_that_does_not_fit_on_its_disk_is_refused_and_leaves_nothing() {
    let host = Host::new();
    let disk = SmallDisk::mount(1);
    let presence = Presence::register(&host.directory.path().join("holders"), new_holder()).unwrap();
    let error =
        Lifeboat::open(&disk.path().join("lifeboat"), Capacity::default(), Arc::new(presence)).unwrap_err();
    assert!(
        matches!(&error, LifeboatError::Fault(fault) if fault.kind == io::ErrorKind::StorageFull),
        "{error}"
    );
    assert!(error.to_string().contains("free space"), "{error}");
    assert_eq!(fs::read_dir(disk.path()).unwrap().count(), 0);
}

/// Somebody waits for the lock of this file, as the system lists it.
fn is_waited_for(path: &Path) -> bool {
    let inode = format!(":{} ", fs::metadata(path).unwrap().ino());
    let listed = fs::read_to_string("/proc/locks").unwrap();
    listed.lines().any(|line| line.contains(" -> ") && line.contains(&inode))
}

#[test]
fn nobody_who_looks_for_a_place_sees_half_of_a_record() {
    let host = Host::new();
    let lifeboat = host.process();
    let place = lifeboat.reserve().unwrap();
    let looking = File::open(lifeboat.path()).unwrap();
    looking.lock().unwrap();
    thread::scope(|scope| {
        let writing = scope.spawn(|| lifeboat.write(&place, &record(1)));
        while !is_waited_for(lifeboat.path()) {
            assert!(!writing.is_finished(), "it was written while somebody looked");
            thread::yield_now();
        }
        looking.unlock().unwrap();
        writing.join().unwrap().unwrap();
    });
    assert_eq!(lifeboat.survey().unwrap().records.len(), 1);
}
