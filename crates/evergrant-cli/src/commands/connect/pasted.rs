//! The answer brought back by hand: the address that the browser ended up at.

use std::io::{BufRead, Read};

use tokio::sync::mpsc;
use url::Url;

/// Longest line that is read.
const LONGEST: u64 = 64 * 1024;

/// The lines that a person pastes; none if nothing is asked for, or stdin is closed.
pub(super) fn lines(wanted: bool) -> mpsc::Receiver<String> {
    let (sender, receiver) = mpsc::channel(1);
    if wanted {
        // A thread of its own: a read from a terminal cannot be cancelled, and must not hold up the end.
        std::thread::spawn(move || {
            let mut stdin = std::io::stdin().lock();
            loop {
                let mut line = String::new();
                match stdin.by_ref().take(LONGEST).read_line(&mut line) {
                    Ok(0) | Err(_) => return,
                    Ok(_) if line.trim().is_empty() => {}
                    Ok(_) => {
                        if sender.blocking_send(line).is_err() {
                            return;
                        }
                    }
                }
            }
        });
    }
    receiver
}

/// The query of a pasted address, if it answers the link that was shown.
pub(super) fn query(pasted: &str, link: &Url) -> Result<String, &'static str> {
    let pasted = pasted.trim();
    let query = match Url::parse(pasted) {
        Ok(url) => url.query().unwrap_or_default().to_owned(),
        Err(_) => pasted.strip_prefix('?').unwrap_or(pasted).to_owned(),
    };
    let parameter = |query: &str, wanted: &str| {
        let mut pairs = url::form_urlencoded::parse(query.as_bytes());
        pairs.find(|(name, _)| name == wanted).map(|(_, value)| value.into_owned())
    };
    let expected = parameter(link.query().unwrap_or_default(), "state");
    match parameter(&query, "state") {
        None => Err("that is not the address of an answer: it holds no `state`; paste all of it"),
        given if given != expected => Err("that is the answer to another link; open the one above"),
        _ => Ok(query),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_answer_to_this_link_is_taken() {
        let link = Url::parse("https://provider.example/authorize?state=abc&scope=x").unwrap();
        assert_eq!(query(" http://127.0.0.1/cb?code=1&state=abc\n", &link).unwrap(), "code=1&state=abc");
        assert_eq!(query("code=1&state=abc", &link).unwrap(), "code=1&state=abc");
        assert!(query("http://127.0.0.1/cb?code=1&state=abd", &link).unwrap_err().contains("another link"));
        assert!(query("hello", &link).unwrap_err().contains("no `state`"));
    }
}
