//! What operators do to the store as a whole: back it up, restore it, carry it elsewhere, adopt it.

use super::World;

/// As many backups are kept.
const MOST_BACKUPS: usize = 3;

impl World {
    /// The operator makes a backup of the store.
    pub fn back_up_store(&mut self) {
        if self.store.away {
            return;
        }
        if self.backups.len() == MOST_BACKUPS {
            self.backups.remove(0);
        }
        self.backups.push((self.now, self.store.back_up(), self.judge.known()));
        self.note(|| "the store is backed up".to_owned());
    }

    /// The operator stops all processes, puts a backup in the place of the store and starts one again: the newest
    /// backup, or one before it.
    pub fn restore_store(&mut self, age: usize) {
        let Some(index) = self.backups.len().checked_sub(1 + age) else { return };
        let (made_at, backup, known) = self.backups[index].clone();
        self.end_all_processes();
        self.store.restore(backup);
        self.judge.judge_by_backup(&self.store, made_at, known, self.now);
        self.dead.clear();
        self.note(|| format!("the store is restored as it was at {made_at} ms"));
        self.start_later(1_000);
    }

    /// The store turns up elsewhere: the processes that ran on it are gone, and another one finds it quarantined.
    pub fn copy_store(&mut self) {
        self.end_all_processes();
        self.store.carry_away();
        self.note(|| "the store is a copy".to_owned());
        self.start_later(1_000);
    }

    /// The operator takes a quarantined store for the one that counts.
    pub fn adopt(&mut self) {
        if self.store.adopt() {
            self.judge.begin_probation(self.store.grants().map(|grant| grant.id));
            self.note(|| "the store is adopted".to_owned());
        }
    }

    fn end_all_processes(&mut self) {
        for id in self.living.clone() {
            self.kill(id);
        }
    }
}
