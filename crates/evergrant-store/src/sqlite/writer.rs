//! The one thread of this process that writes, and its queue.
//!
//! Commands that arrive while a commit waits for the disk go together into the next one: the more there is to do,
//! the less each command pays for the disk. An answer is given only after its commit.

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError, mpsc},
    thread::{self, JoinHandle},
    time::Duration,
};

use evergrant_proto::transaction::{Command, Reply};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

use super::{identity::Identity, worker::Worker};
use crate::store::{Reason, StoreError, Unavailable};

/// Commands that may wait. Whoever comes later waits before handing its command over, and can give up.
const QUEUE: usize = 1024;

/// Commands in one commit. More would make the first one wait for little gain.
const BATCH: usize = 128;

/// How long the next of several expected commands is waited for: less than a commit takes.
const MOMENT: Duration = Duration::from_micros(50);

/// How long after the last commit the anchor is raised.
const IDLE: Duration = Duration::from_secs(1);

type Answer<T> = oneshot::Sender<Result<T, StoreError>>;

enum Job {
    Execute { command: Box<Command>, answer: Answer<Reply>, _place: OwnedSemaphorePermit },
    Adopt { answer: Answer<Identity> },
}

/// Hands commands to the thread. Dropping it lets the thread finish what it was given and waits for that.
pub(super) struct Writer {
    jobs: Mutex<Option<mpsc::Sender<Job>>>,
    places: Arc<Semaphore>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl fmt::Debug for Writer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Writer")
            .field("free_places", &self.places.available_permits())
            .finish_non_exhaustive()
    }
}

impl Writer {
    /// Starts the thread.
    pub(super) fn start(worker: Worker) -> std::io::Result<Self> {
        let (sender, receiver) = mpsc::channel();
        let thread = thread::Builder::new()
            .name("evergrant-store".to_owned())
            .spawn(move || work(worker, &receiver))?;
        Ok(Self {
            jobs: Mutex::new(Some(sender)),
            places: Arc::new(Semaphore::new(QUEUE)),
            thread: Mutex::new(Some(thread)),
        })
    }

    /// Executes a command; `Ok` means durable.
    pub(super) async fn execute(&self, command: Command) -> Result<Reply, StoreError> {
        let place = Arc::clone(&self.places).acquire_owned().await.map_err(|_| closed())?;
        let (answer, outcome) = oneshot::channel();
        self.send(Job::Execute { command: Box::new(command), answer, _place: place })?;
        outcome.await.unwrap_or_else(|_| Err(closed()))
    }

    /// Gives the store a new epoch; returns what it is now.
    pub(super) async fn adopt(&self) -> Result<Identity, StoreError> {
        let (answer, outcome) = oneshot::channel();
        self.send(Job::Adopt { answer })?;
        outcome.await.unwrap_or_else(|_| Err(closed()))
    }

    fn send(&self, job: Job) -> Result<(), StoreError> {
        let jobs = self.jobs.lock().unwrap_or_else(PoisonError::into_inner);
        jobs.as_ref().and_then(|jobs| jobs.send(job).ok()).ok_or_else(closed)
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        *self.jobs.lock().unwrap_or_else(PoisonError::into_inner) = None;
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(thread) = thread {
            // A panic has been reported by its own thread.
            let _ = thread.join();
        }
    }
}

fn closed() -> StoreError {
    Unavailable::new(Reason::Closed, "its writer has ended").into()
}

fn work(mut worker: Worker, jobs: &mpsc::Receiver<Job>) {
    let mut expected = 1;
    loop {
        let job = if worker.is_anchored() {
            jobs.recv().map_err(|_| mpsc::RecvTimeoutError::Disconnected)
        } else {
            jobs.recv_timeout(IDLE)
        };
        match job {
            Ok(job) => expected = serve(&mut worker, job, jobs, expected),
            Err(mpsc::RecvTimeoutError::Timeout) => worker.raise_anchor(),
            Err(mpsc::RecvTimeoutError::Disconnected) => break,
        }
    }
    worker.raise_anchor();
}

/// Does the job and, in the same commit, what has come meanwhile. As many jobs as came the last time are waited
/// for, a moment for each: those who were just answered usually come back at once, and a commit of their own would
/// cost each of them more than the moment. Returns how many there were.
fn serve(worker: &mut Worker, first: Job, jobs: &mpsc::Receiver<Job>, expected: usize) -> usize {
    let mut next = Some(first);
    let (mut commands, mut answers) = (Vec::new(), Vec::new());
    while let Some(job) = next.take() {
        match job {
            Job::Execute { command, answer, .. } => {
                commands.push(*command);
                answers.push(answer);
            }
            Job::Adopt { answer } => {
                // The caller may have gone; then there is nobody to tell.
                let _ = answer.send(worker.adopt());
            }
        }
        next = match commands.len() {
            BATCH.. => None,
            gathered if gathered < expected => jobs.recv_timeout(MOMENT).ok(),
            _ => jobs.try_recv().ok(),
        };
    }
    let gathered = commands.len();
    if commands.is_empty() {
        return gathered;
    }
    for (answer, outcome) in answers.into_iter().zip(worker.execute(&commands)) {
        let _ = answer.send(outcome);
    }
    gathered
}
