//! The provider on its stage: one lock around it, and the requests that wait outside of it.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use aws_lc_rs::rand;
use tokio::sync::{oneshot, watch};

use super::Clock;
use crate::provider::{
    Delivery, Entropy, ExchangeId, FaultId, Progress, Provider, Request, Timestamp, Until,
};

/// The provider, its clock, and the requests that wait on it.
#[derive(Debug)]
pub(super) struct Stage {
    provider: Mutex<OnStage>,
    pub(super) clock: Arc<Clock>,
    /// Changes whenever a request begins or ends to wait.
    held: watch::Sender<()>,
}

#[derive(Debug)]
struct OnStage {
    provider: Provider,
    waiting: Vec<(ExchangeId, oneshot::Sender<()>)>,
}

impl Stage {
    pub(super) fn new(provider: Provider, clock: Arc<Clock>) -> Self {
        let provider = Mutex::new(OnStage { provider, waiting: Vec::new() });
        Self { provider, clock, held: watch::Sender::new(()) }
    }

    /// Carries a request through the provider. Delays and holds happen outside of the lock.
    pub(super) async fn perform(&self, request: Request) -> Delivery {
        let mut step = self.step(|provider, now, entropy| Some(provider.handle(request, now, entropy)));
        loop {
            let exchange = match step {
                Step::Over(delivery) => return delivery,
                Step::Delayed(exchange, time) => {
                    tokio::time::sleep(time).await;
                    exchange
                }
                Step::Held(exchange, released) => {
                    if released.await.is_err() {
                        return Delivery::Dropped;
                    }
                    exchange
                }
            };
            step = self.step(|provider, now, entropy| provider.resume(exchange, now, entropy));
        }
    }

    fn step(&self, act: impl FnOnce(&mut Provider, Timestamp, Entropy<'_>) -> Option<Progress>) -> Step {
        self.locked(|on_stage, now, entropy| match act(&mut on_stage.provider, now, entropy) {
            None => Step::Over(Delivery::Dropped),
            Some(Progress::Deliver(delivery)) => Step::Over(delivery),
            Some(Progress::Wait { exchange, until: Until::After(time) }) => Step::Delayed(exchange, time),
            Some(Progress::Wait { exchange, until: Until::Released }) => {
                let (release, released) = oneshot::channel();
                on_stage.waiting.push((exchange, release));
                Step::Held(exchange, released)
            }
        })
    }

    pub(super) fn with_provider<T>(&self, act: impl FnOnce(&mut Provider, Timestamp) -> T) -> T {
        self.locked(|on_stage, now, _| act(&mut on_stage.provider, now))
    }

    pub(super) fn with_entropy<T>(&self, act: impl FnOnce(&mut Provider, Timestamp, Entropy<'_>) -> T) -> T {
        self.locked(|on_stage, now, entropy| act(&mut on_stage.provider, now, entropy))
    }

    /// Acts under the lock, then wakes what that released and tells who waits for holds.
    fn locked<T>(&self, act: impl FnOnce(&mut OnStage, Timestamp, Entropy<'_>) -> T) -> T {
        let mut entropy = |buffer: &mut [u8]| {
            rand::fill(buffer).expect("the operating system gives random bytes");
        };
        let mut on_stage = self.lock();
        // Read under the lock: the journal's times never go back by themselves.
        let now = self.clock.now();
        let result = act(&mut on_stage, now, &mut entropy);
        on_stage.wake_released(now, &mut entropy);
        drop(on_stage);
        self.held.send_replace(());
        result
    }

    pub(super) async fn wait_held(&self, id: FaultId, requests: usize) {
        let mut held = self.held.subscribe();
        loop {
            held.borrow_and_update();
            let enough =
                |provider: &mut Provider| provider.fault(id).is_none_or(|fault| fault.held >= requests);
            if enough(&mut self.lock().provider) {
                return;
            }
            if held.changed().await.is_err() {
                return;
            }
        }
    }

    /// Ends the requests that are held: each would keep the stage, and the stage it, for ever.
    pub(super) fn close(&self) {
        self.lock().waiting.clear();
    }

    fn lock(&self) -> MutexGuard<'_, OnStage> {
        self.provider.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl OnStage {
    fn wake_released(&mut self, now: Timestamp, entropy: Entropy<'_>) {
        while let Some(released) = self.provider.poll_released() {
            if let Some(index) = self.waiting.iter().position(|(exchange, _)| *exchange == released) {
                // The receiver is gone only if the server is stopping.
                self.waiting.swap_remove(index).1.send(()).unwrap_or_default();
            } else {
                // A late one: its connection is closed, so that nobody waits for what comes of it.
                self.provider.resume(released, now, &mut *entropy);
            }
        }
    }
}

enum Step {
    Over(Delivery),
    Delayed(ExchangeId, Duration),
    Held(ExchangeId, oneshot::Receiver<()>),
}
