//! What a designer would look at on each page, as far as it can be measured.

use serde_json::Value;

use super::browser::Browser;

/// Colours as the browser has worked them out, sizes in CSS pixels.
const LOOK: &str = r"
const shown = color => color.match(/[\d.]+/g).map(Number);
const linear = value => (value /= 255) <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
const luminance = color => { const [r, g, b] = shown(color).map(linear); return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
const ground = element => {
  for (let at = element; at; at = at.parentElement) {
    const color = getComputedStyle(at).backgroundColor;
    if (shown(color)[3] !== 0) return color;
  }
  return 'rgb(255, 255, 255)';
};
const contrast = element => {
  const [one, other] = [luminance(getComputedStyle(element).color), luminance(ground(element))];
  return (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05);
};
const written = [...document.querySelectorAll('body *')].filter(element =>
  [...element.childNodes].some(node => node.nodeType === 3 && node.textContent.trim()) && element.offsetParent);
const targets = [...document.querySelectorAll('a, button')];
return {
  sideways: document.documentElement.scrollWidth > document.documentElement.clientWidth,
  small: targets.filter(target => target.getBoundingClientRect().height < 44).map(target => target.outerHTML),
  faint: written.filter(element => contrast(element) < 4.5).map(element => element.outerHTML),
  actions: document.querySelectorAll('.button').length,
};";

impl Browser {
    /// Nothing is cut off, too small to hit or too faint to read; there is one thing to do; nothing offends the policy.
    pub(crate) async fn judge(&self) {
        let seen = self.evaluate(LOOK).await;
        let at = self.address_bar().await;
        assert_eq!(seen["sideways"], Value::Bool(false), "{at} has to be moved sideways");
        for fault in ["small", "faint"] {
            assert!(seen[fault].as_array().unwrap().is_empty(), "{at}: {fault}: {:#}", seen[fault]);
        }
        assert!(seen["actions"].as_u64().unwrap() <= 1, "{at} has more than one thing to do");
        let complaints = self.complaints().await;
        assert!(complaints.is_empty(), "{at}: {complaints:#?}");
    }
}
