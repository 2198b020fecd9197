//! Operations from bytes.

/// One thing that happens. Numbers choose among what there is, modulo how much there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operation {
    /// `c` A process asks for the right to refresh.
    Claim { grant: u8, process: u8, want: u8, key: u8 },
    /// `s` A flight brought tokens.
    Succeed { flight: u8, tokens: u8 },
    /// `r` The provider refused the grant.
    Refuse { flight: u8 },
    /// `j` The provider rejected the client.
    RejectClient { flight: u8 },
    /// `e` A flight ended otherwise.
    End { flight: u8, ending: u8 },
    /// `x` A process is killed and another one takes its place. What it had put into the lifeboat is replayed.
    Crash { process: u8, rescued: u8 },
    /// `t` Time passes on both clocks.
    Pass { step: u8 },
    /// `w` Somebody sets the wall clock.
    SetClock { step: u8 },
    /// `m` The machine starts again: every process is another, and the clock of leases begins anew.
    Reboot,
    /// `p` The scheduler puts a grant off.
    Postpone { grant: u8, step: u8 },
    /// `d` A resource server rejects the access token that a caller has.
    RejectAccess { grant: u8, key: u8, newest: u8 },
    /// `i` A refresh token is imported.
    Import { grant: u8, tokens: u8 },
    /// `v` A grant is revoked or removed.
    Revoke { grant: u8, process: u8, flags: u8 },
    /// `f` The provider has answered a revocation.
    ConfirmRevocation { grant: u8, answer: u8 },
    /// `o` A link is opened.
    Open { grant: u8 },
    /// `b` A callback waits for the flight of its grant.
    Block { grant: u8, process: u8 },
    /// `g` The code of a callback is about to be sent.
    JournalExchange { authorization: u8, process: u8 },
    /// `k` The exchange brought tokens.
    Complete { authorization: u8, subject: u8, tokens: u8 },
    /// `a` A link leads to nothing.
    FailAuthorization { authorization: u8 },
    /// `u` The operator changes the client.
    PutClient { policy: u8 },
    /// `q` The store is found to be restored, or adopted.
    Quarantine { on: u8 },
}

/// A list of operations as it is read. Bytes that are no letter of an operation are skipped, so that seeds can have
/// spaces and line breaks; an operation that is cut off gets zeros.
#[derive(Debug)]
pub(super) struct Operations<'a> {
    bytes: std::slice::Iter<'a, u8>,
}

impl<'a> Operations<'a> {
    pub(super) fn of(bytes: &'a [u8]) -> Self {
        Self { bytes: bytes.iter() }
    }

    /// A digit counts as its number, so that seeds can be read.
    fn number(&mut self) -> u8 {
        self.bytes.next().map_or(0, |byte| if byte.is_ascii_digit() { byte - b'0' } else { *byte })
    }
}

impl Iterator for Operations<'_> {
    type Item = Operation;

    fn next(&mut self) -> Option<Operation> {
        loop {
            let letter = *self.bytes.next()?;
            if let Some(operation) = self.operation(letter) {
                return Some(operation);
            }
        }
    }
}

impl Operations<'_> {
    fn operation(&mut self, letter: u8) -> Option<Operation> {
        let mut number = || self.number();
        Some(match letter {
            b'c' => Operation::Claim { grant: number(), process: number(), want: number(), key: number() },
            b's' => Operation::Succeed { flight: number(), tokens: number() },
            b'r' => Operation::Refuse { flight: number() },
            b'j' => Operation::RejectClient { flight: number() },
            b'e' => Operation::End { flight: number(), ending: number() },
            b'x' => Operation::Crash { process: number(), rescued: number() },
            b't' => Operation::Pass { step: number() },
            b'w' => Operation::SetClock { step: number() },
            b'm' => Operation::Reboot,
            b'p' => Operation::Postpone { grant: number(), step: number() },
            b'd' => Operation::RejectAccess { grant: number(), key: number(), newest: number() },
            b'i' => Operation::Import { grant: number(), tokens: number() },
            b'v' => Operation::Revoke { grant: number(), process: number(), flags: number() },
            b'f' => Operation::ConfirmRevocation { grant: number(), answer: number() },
            b'o' => Operation::Open { grant: number() },
            b'b' => Operation::Block { grant: number(), process: number() },
            b'g' => Operation::JournalExchange { authorization: number(), process: number() },
            b'k' => Operation::Complete { authorization: number(), subject: number(), tokens: number() },
            b'a' => Operation::FailAuthorization { authorization: number() },
            b'u' => Operation::PutClient { policy: number() },
            b'q' => Operation::Quarantine { on: number() },
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_reads_as_it_is_written() {
        let read: Vec<_> = Operations::of(b"c0100 s07\nm c1").collect();
        let expected = [
            Operation::Claim { grant: 0, process: 1, want: 0, key: 0 },
            Operation::Succeed { flight: 0, tokens: 7 },
            Operation::Reboot,
            Operation::Claim { grant: 1, process: 0, want: 0, key: 0 },
        ];
        assert_eq!(read, expected);
    }
}
