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

use evergrant_proto::{
    name::GrantId,
    time::Timestamp,
    transaction::{Command, Reply},
};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

use super::{
    identity::Identity,
    scout::{self, Errand, Sighting},
    worker::Worker,
};
use crate::store::{Reason, StoreError, Unavailable};

/// Commands that may wait. Whoever comes later waits before handing its command over, and can give up.
const QUEUE: usize = 1024;

/// Commands in one commit. More would make the first one wait for little gain.
const BATCH: usize = 128;

/// How long after the last commit the anchor is raised.
const IDLE: Duration = Duration::from_secs(1);

type Answer<T> = oneshot::Sender<Result<T, StoreError>>;

enum Job {
    Execute(Order),
    Prune {
        wall: Timestamp,
        answer: Answer<bool>,
    },
    /// Work in transactions of its own.
    Aside(Box<dyn FnOnce(&mut Worker) + Send>),
}

/// A command on its way to its commit.
struct Order {
    command: Box<Command>,
    answer: Answer<Reply>,
    /// Its grant, if it was read ahead.
    seen: Option<Box<Sighting>>,
    _place: OwnedSemaphorePermit,
}

impl Errand for Job {
    fn grant(&self) -> Option<GrantId> {
        match self {
            Self::Execute(order) => scout::wanted(&order.command),
            Self::Prune { .. } | Self::Aside(_) => None,
        }
    }

    fn found(&mut self, sighting: Sighting) {
        if let Self::Execute(order) = self {
            order.seen = Some(Box::new(sighting));
        }
    }
}

/// Hands commands to the thread. Dropping it lets the thread finish what it was given and waits for that.
pub(super) struct Writer {
    queues: Mutex<Option<Queues>>,
    places: Arc<Semaphore>,
    /// In the order in which they end.
    threads: Mutex<Vec<JoinHandle<()>>>,
}

struct Queues {
    /// To the thread that reads ahead.
    scouted: mpsc::Sender<Job>,
    /// Straight to the writer.
    ready: mpsc::Sender<Job>,
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
    /// Starts the thread, and the one that reads ahead for it.
    pub(super) fn start(worker: Worker) -> std::io::Result<Self> {
        let ((scouted, errands), (ready, jobs)) = (mpsc::channel(), mpsc::channel());
        let scout = scout::start(worker.path.clone(), Arc::clone(&worker.keys), errands, ready.clone())?;
        let writer =
            thread::Builder::new().name("evergrant-store".to_owned()).spawn(move || work(worker, &jobs))?;
        Ok(Self {
            queues: Mutex::new(Some(Queues { scouted, ready })),
            places: Arc::new(Semaphore::new(QUEUE)),
            threads: Mutex::new(vec![scout, writer]),
        })
    }

    /// Executes a command; `Ok` means durable.
    pub(super) async fn execute(&self, command: Command) -> Result<Reply, StoreError> {
        let place = Arc::clone(&self.places).acquire_owned().await.map_err(|_| closed())?;
        let (answer, outcome) = oneshot::channel();
        self.send(Job::Execute(Order { command: Box::new(command), answer, seen: None, _place: place }))?;
        outcome.await.unwrap_or_else(|_| Err(closed()))
    }

    /// Gives the store a new epoch; returns what it is now.
    pub(super) async fn adopt(&self) -> Result<Identity, StoreError> {
        self.aside(Worker::adopt).await
    }

    /// Forgets a batch of old events; whether there may be more.
    pub(super) async fn prune(&self, wall: Timestamp) -> Result<bool, StoreError> {
        let (answer, outcome) = oneshot::channel();
        self.send(Job::Prune { wall, answer })?;
        outcome.await.unwrap_or_else(|_| Err(closed()))
    }

    /// Does work in transactions of its own. Like a command it is done whether or not anybody waits.
    pub(super) async fn aside<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Worker) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let place = Arc::clone(&self.places).acquire_owned().await.map_err(|_| closed())?;
        let (answer, outcome) = oneshot::channel();
        self.send(Job::Aside(Box::new(move |worker| {
            // The caller may have gone; then there is nobody to tell.
            let _ = answer.send(work(worker));
            drop(place);
        })))?;
        outcome.await.unwrap_or_else(|_| Err(closed()))
    }

    fn send(&self, job: Job) -> Result<(), StoreError> {
        let queues = self.queues.lock().unwrap_or_else(PoisonError::into_inner);
        let queues = queues.as_ref().ok_or_else(closed)?;
        let queue = if job.grant().is_some() { &queues.scouted } else { &queues.ready };
        queue.send(job).map_err(|_| closed())
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        *self.queues.lock().unwrap_or_else(PoisonError::into_inner) = None;
        let threads = self.threads.get_mut().unwrap_or_else(PoisonError::into_inner);
        for thread in threads.drain(..) {
            // A panic has been reported by its own thread.
            let _ = thread.join();
        }
    }
}

fn closed() -> StoreError {
    Unavailable::new(Reason::Closed, "its writer has ended").into()
}

fn work(mut worker: Worker, jobs: &mpsc::Receiver<Job>) {
    loop {
        let job = if worker.is_anchored() {
            jobs.recv().map_err(|_| mpsc::RecvTimeoutError::Disconnected)
        } else {
            jobs.recv_timeout(IDLE)
        };
        match job {
            Ok(job) => serve(&mut worker, job, jobs),
            Err(mpsc::RecvTimeoutError::Timeout) => worker.raise_anchor(),
            Err(mpsc::RecvTimeoutError::Disconnected) => break,
        }
    }
    worker.raise_anchor();
}

/// Does the job and, in the same commit, what has come meanwhile. Nothing is waited for: while it commits, the next
/// ones are read ahead and those that were answered go on, and to wait for them would let all of that stand still.
///
/// A transaction of its own ends the collecting: a success that was collected has its refresh token in memory alone, and
/// however many of the others come behind it, it is written first.
fn serve(worker: &mut Worker, first: Job, jobs: &mpsc::Receiver<Job>) {
    let mut next = Some(first);
    let (mut commands, mut answers) = (Vec::new(), Vec::new());
    let (mut apart, mut prune) = (None, None);
    while let Some(job) = next.take() {
        match job {
            Job::Execute(Order { command, answer, seen, .. }) => {
                if let Some(sighting) = seen {
                    worker.caches.expect(*sighting);
                }
                commands.push(*command);
                answers.push(answer);
            }
            Job::Aside(work) => apart = Some(work),
            Job::Prune { wall, answer } => prune = Some((wall, answer)),
        }
        next = if apart.is_none() && commands.len() < BATCH { jobs.try_recv().ok() } else { None };
    }
    for (answer, outcome) in answers.into_iter().zip(worker.execute(&commands)) {
        // The caller may have gone; then there is nobody to tell.
        let _ = answer.send(outcome);
    }
    if let Some(work) = apart {
        work(worker);
    }
    // Nobody waits for it: those whose commands are written go on first.
    if let Some((wall, answer)) = prune {
        let _ = answer.send(worker.prune(wall));
    }
}
