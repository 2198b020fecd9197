//! The thread on which places in the lifeboat are taken and given back.
//!
//! Both touch a page or two of a file under a lock that another process may hold: too much for a thread that serves
//! tasks, and too little to wake a thread of its own for each.
//!
//! Where every place is taken, who asks stands in line for a while: the processes of a host share the places, and a
//! crowd at slow providers must not make a store look broken that is only busy.

use std::{
    collections::VecDeque,
    fmt, io,
    sync::{Arc, Mutex, PoisonError, mpsc},
    thread::{self, JoinHandle},
    time::Duration,
};

use tokio::sync::oneshot;

use crate::{
    lifeboat::{Lifeboat, LifeboatError, Reservation},
    store::{Pending, Reason, StoreError, Unavailable},
};

/// How often it is looked whether another process has given a place back.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// Looks in vain, while nothing else happens, after which a full lifeboat is reported: a second. The engine asks again
/// for as long as a caller waits.
const LOOKS: u32 = 20;

enum Job {
    Reserve(oneshot::Sender<Result<Reservation, LifeboatError>>),
    Release(Reservation, oneshot::Sender<Result<(), LifeboatError>>),
}

/// Hands jobs to the thread. Dropping it lets the thread finish what it was given and waits for that.
pub(super) struct Harbour {
    jobs: Option<mpsc::Sender<Job>>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl fmt::Debug for Harbour {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Harbour").finish_non_exhaustive()
    }
}

impl Harbour {
    /// Starts the thread.
    pub(super) fn start(lifeboat: Arc<Lifeboat>) -> io::Result<Self> {
        let (sender, receiver) = mpsc::channel();
        let thread = thread::Builder::new()
            .name("evergrant-lifeboat".to_owned())
            .spawn(move || Line::before(&lifeboat).serve(&receiver))?;
        Ok(Self { jobs: Some(sender), thread: Mutex::new(Some(thread)) })
    }

    pub(super) fn reserve(&self) -> Pending<'static, Reservation> {
        let (answer, outcome) = oneshot::channel();
        self.hand_over(Job::Reserve(answer), outcome)
    }

    pub(super) fn release(&self, place: Reservation) -> Pending<'static, ()> {
        let (answer, outcome) = oneshot::channel();
        self.hand_over(Job::Release(place, answer), outcome)
    }

    fn hand_over<T: Send + 'static>(
        &self,
        job: Job,
        outcome: oneshot::Receiver<Result<T, LifeboatError>>,
    ) -> Pending<'static, T> {
        // If the thread has ended, the answer is dropped with the job, which the receiver sees.
        let _ = self.jobs.as_ref().map(|jobs| jobs.send(job));
        Box::pin(async move { Ok(outcome.await.map_err(|_| closed())??) })
    }
}

/// Who waits for a place.
struct Line<'a> {
    lifeboat: &'a Lifeboat,
    waiting: VecDeque<Waiting>,
}

struct Waiting {
    answer: oneshot::Sender<Result<Reservation, LifeboatError>>,
    looks_left: u32,
}

impl<'a> Line<'a> {
    fn before(lifeboat: &'a Lifeboat) -> Self {
        Self { lifeboat, waiting: VecDeque::new() }
    }

    fn serve(mut self, jobs: &mpsc::Receiver<Job>) {
        loop {
            let job = if self.waiting.is_empty() {
                jobs.recv().map_err(|_| mpsc::RecvTimeoutError::Disconnected)
            } else {
                jobs.recv_timeout(LOOK_EVERY)
            };
            match job {
                Ok(Job::Reserve(answer)) => {
                    self.waiting.push_back(Waiting { answer, looks_left: LOOKS });
                    if self.waiting.len() > 1 {
                        continue;
                    }
                }
                Ok(Job::Release(place, answer)) => {
                    // Who asked may have gone.
                    let _ = answer.send(self.lifeboat.release(&place));
                }
                Err(mpsc::RecvTimeoutError::Timeout) => {
                    for waiting in &mut self.waiting {
                        waiting.looks_left = waiting.looks_left.saturating_sub(1);
                    }
                }
                Err(mpsc::RecvTimeoutError::Disconnected) => return,
            }
            self.hand_out();
        }
    }

    /// Gives places to those who came first, for as long as there are any.
    fn hand_out(&mut self) {
        while let Some(first) = self.waiting.front() {
            let reserved = self.lifeboat.reserve();
            if matches!(reserved, Err(LifeboatError::Full(_))) && first.looks_left > 0 {
                return;
            }
            let Some(Waiting { answer, .. }) = self.waiting.pop_front() else { return };
            let reserved = reserved.map_err(|error| self.explained(error));
            // Who asked may have gone: a place that nobody knows of is given back.
            if let Err(Ok(place)) = answer.send(reserved)
                && let Err(error) = self.lifeboat.release(&place)
            {
                tracing::warn!(target: "evergrant::store", %error, "a place of the lifeboat cannot be given back");
            }
        }
    }

    /// Places that hold what the store cannot take are not free before the store is back; those of requests are, soon.
    fn explained(&self, error: LifeboatError) -> LifeboatError {
        match (error, self.lifeboat.survey()) {
            (LifeboatError::Full(places), Ok(survey)) if survey.reserved > 0 => LifeboatError::Busy(places),
            (error, _) => error,
        }
    }
}

fn closed() -> StoreError {
    Unavailable::new(Reason::Closed, "the thread of its lifeboat has ended").into()
}

impl Drop for Harbour {
    fn drop(&mut self) {
        self.jobs = None;
        let thread = self.thread.get_mut().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(thread) = thread {
            // A panic has been reported by its own thread.
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use evergrant_proto::name::AttemptId;

    use super::*;
    use crate::{
        anchor::{Epoch, StoreId},
        lifeboat::{Capacity, Record},
        presence::{Presence, new_holder},
    };

    /// The only place of a lifeboat, as this process and another one see it.
    fn two_processes() -> (tempfile::TempDir, Harbour, Arc<Lifeboat>) {
        let directory = tempfile::tempdir().unwrap();
        let open = || {
            let presence = Presence::register(&directory.path().join("holders"), new_holder()).unwrap();
            let capacity = Capacity { slots: 1, slot_bytes: 4096 };
            let path = directory.path().join("lifeboat");
            Arc::new(Lifeboat::open(&path, capacity, Arc::new(presence)).unwrap())
        };
        let (here, there) = (open(), open());
        (directory, Harbour::start(here).unwrap(), there)
    }

    #[tokio::test]
    async fn who_asks_while_every_place_is_taken_gets_the_one_that_is_given_back() {
        let (_directory, harbour, _there) = two_processes();
        let place = harbour.reserve().await.unwrap();
        let (waiting, gone) = (harbour.reserve(), harbour.reserve());
        drop(gone);
        harbour.release(place).await.unwrap();
        let place = waiting.await.unwrap();
        harbour.release(place).await.unwrap();
        harbour.reserve().await.unwrap();
    }

    #[tokio::test]
    async fn a_place_that_another_process_gives_back_is_noticed() {
        let (_directory, harbour, there) = two_processes();
        let theirs = there.reserve().unwrap();
        let waiting = harbour.reserve();
        there.release(&theirs).unwrap();
        waiting.await.unwrap();
    }

    #[tokio::test]
    async fn a_lifeboat_that_stays_full_is_reported() {
        let (_directory, harbour, there) = two_processes();
        there.reserve().unwrap();
        let refused = harbour.reserve().await.unwrap_err();
        assert!(refused.to_string().contains("all 1 places"), "{refused}");
    }

    fn reason(error: StoreError) -> Reason {
        match error {
            StoreError::Unavailable(unavailable) => unavailable.reason,
            other => panic!("{other:?}"),
        }
    }

    #[tokio::test]
    async fn a_lifeboat_full_of_requests_is_busy_and_one_full_of_records_waits_for_the_store() {
        let (_directory, harbour, there) = two_processes();
        let theirs = there.reserve().unwrap();
        assert_eq!(reason(harbour.reserve().await.unwrap_err()), Reason::Busy);
        there.write(&theirs, &rescued()).unwrap();
        assert_eq!(reason(harbour.reserve().await.unwrap_err()), Reason::Lifeboat);
    }

    fn rescued() -> Record {
        Record {
            store: StoreId::generate(),
            epoch: Epoch::generate(),
            attempt: AttemptId(1),
            subject: "g_1".to_owned(),
            sealed: vec![1],
        }
    }
}
