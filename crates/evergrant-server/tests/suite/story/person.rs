//! Somebody in front of a page: whoever can open a link, read a heading and click what is there.

use super::browser::Browser;

pub(crate) trait Person {
    async fn open(&self, link: &str);

    /// Waits for a page with this heading; gives all of its text.
    async fn sees(&self, heading: &str) -> String;

    /// Clicks the button or link with these words.
    async fn clicks(&self, words: &str);
}

impl Person for Browser {
    async fn open(&self, link: &str) {
        self.go(link).await;
    }

    async fn sees(&self, heading: &str) -> String {
        let text = Browser::sees(self, heading).await;
        self.judge().await;
        text
    }

    async fn clicks(&self, words: &str) {
        self.click(words).await;
    }
}
