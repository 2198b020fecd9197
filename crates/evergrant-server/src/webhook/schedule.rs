//! When to try again: the schedule that Standard Webhooks recommends, three days long.

use std::time::Duration;

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;

/// The longest wait before each further try, in seconds.
const STEPS: [u64; 9] =
    [5, 5 * MINUTE, 30 * MINUTE, 2 * HOUR, 5 * HOUR, 10 * HOUR, 14 * HOUR, 20 * HOUR, 24 * HOUR];

/// The longest rest of a webhook between two messages, in seconds: a receiver that works again is found out within this
/// time if anything waits for it.
const LONGEST_REST: u64 = 5 * MINUTE;

/// The shortest wait: none is so short that a receiver in trouble is asked again at once.
const SHORTEST: Duration = Duration::from_secs(1);

/// How long to wait after `attempts` tries of a message that failed, the last one included; `None`: that is enough.
/// `draw` is random: many messages that failed together do not come back together (full jitter). A receiver that names a
/// longer time gets it.
pub(super) fn next_try(attempts: u32, draw: u64, retry_after: Option<Duration>) -> Option<Duration> {
    let step = STEPS.get(usize::try_from(attempts).ok()?.checked_sub(1)?)?;
    Some(jittered(*step, draw).max(retry_after.unwrap_or_default()))
}

/// How long nothing at all is sent to a webhook after so many failures in a row.
pub(super) fn rest(failures: u32, draw: u64, retry_after: Option<Duration>) -> Duration {
    let index = usize::try_from(failures.saturating_sub(1)).unwrap_or(usize::MAX).min(STEPS.len() - 1);
    jittered(STEPS[index].min(LONGEST_REST), draw).max(retry_after.unwrap_or_default())
}

fn jittered(seconds: u64, draw: u64) -> Duration {
    let whole = u128::from(seconds) * 1000;
    let part = whole * u128::from(draw) / u128::from(u64::MAX);
    Duration::from_millis(u64::try_from(part).expect("a part of a day")).max(SHORTEST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_tried_ten_times_within_three_days() {
        let waits: Vec<_> = (1..).map_while(|attempts| next_try(attempts, u64::MAX, None)).collect();
        assert_eq!(waits.len(), 9);
        assert_eq!(waits[0], Duration::from_secs(5));
        assert_eq!(waits.iter().sum::<Duration>(), Duration::from_secs(75 * HOUR + 35 * MINUTE + 5));
        assert!(waits.iter().sum::<Duration>() < evergrant::store::webhook::FAILING_FOR);
    }

    #[test]
    fn waits_are_drawn_from_the_whole_span_and_never_shorter_than_asked_for() {
        assert_eq!(next_try(2, 0, None), Some(SHORTEST));
        assert_eq!(next_try(2, u64::MAX / 2, None), Some(Duration::from_millis(149_999)));
        let asked = Some(Duration::from_secs(3000));
        assert_eq!(next_try(2, u64::MAX, asked), asked);
        assert_eq!(rest(1, 0, asked), Duration::from_secs(3000));
        assert_eq!(next_try(10, 0, asked), None);
        assert_eq!(next_try(0, 0, asked), None);
    }

    #[test]
    fn a_webhook_in_trouble_is_asked_every_few_minutes_at_most() {
        assert_eq!(rest(1, u64::MAX, None), Duration::from_secs(5));
        assert_eq!(rest(u32::MAX, u64::MAX, None), Duration::from_secs(LONGEST_REST));
    }
}
