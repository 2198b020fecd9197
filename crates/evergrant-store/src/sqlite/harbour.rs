//! The thread on which places in the lifeboat are taken and given back.
//!
//! Both touch a page or two of a file under a lock that another process may hold: too much for a thread that serves
//! tasks, and too little to wake a thread of its own for each.

use std::{
    fmt, io,
    sync::{Arc, Mutex, PoisonError, mpsc},
    thread::{self, JoinHandle},
};

use tokio::sync::oneshot;

use crate::{
    lifeboat::{Lifeboat, LifeboatError, Reservation},
    store::{Pending, Reason, StoreError, Unavailable},
};

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
            .spawn(move || receiver.iter().for_each(|job| work(&lifeboat, job)))?;
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

fn work(lifeboat: &Lifeboat, job: Job) {
    // Who asked may have gone. A place that nobody knows of is given back.
    match job {
        Job::Reserve(answer) => {
            if let Err(Ok(place)) = answer.send(lifeboat.reserve())
                && let Err(error) = lifeboat.release(&place)
            {
                tracing::warn!(%error, "a place of the lifeboat cannot be given back");
            }
        }
        Job::Release(place, answer) => {
            let _ = answer.send(lifeboat.release(&place));
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
