//! Numbered settings of a VM.

use serde::{Deserialize, Serialize};

/// A list whose items keep their numbers. A removed item leaves a gap.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Slots<T>(Vec<Option<T>>);

impl<T> Default for Slots<T> {
    fn default() -> Self {
        Self(vec![])
    }
}

impl<T> From<Vec<T>> for Slots<T> {
    fn from(items: Vec<T>) -> Self {
        Self(items.into_iter().map(Some).collect())
    }
}

impl<T> Slots<T> {
    /// Returns the items with their numbers.
    pub fn numbered(&self) -> impl Iterator<Item = (usize, &T)> {
        let items = self.0.iter().enumerate();
        items.filter_map(|(number, item)| Some((number, item.as_ref()?)))
    }

    pub fn is_empty(&self) -> bool {
        self.0.iter().all(Option::is_none)
    }

    pub fn get(&self, number: usize) -> Option<&T> {
        self.0.get(number)?.as_ref()
    }

    /// Returns the number of the first gap.
    pub fn gap(&self) -> usize {
        let gap = self.0.iter().position(Option::is_none);
        gap.unwrap_or(self.0.len())
    }

    /// Adds an item in the first gap.
    pub fn fill(&mut self, item: T) {
        match self.gap() {
            gap if gap < self.0.len() => self.0[gap] = Some(item),
            _ => self.0.push(Some(item)),
        }
    }

    /// Adds an item after all others and returns its number, which no earlier item had.
    pub fn append(&mut self, item: T) -> usize {
        self.0.push(Some(item));
        self.0.len() - 1
    }

    /// Removes an item. The others keep their numbers.
    pub fn remove(&mut self, number: usize) {
        if let Some(item) = self.0.get_mut(number) {
            *item = None;
        }
    }

    /// Removes the gaps. Items after a gap get other numbers.
    pub fn close_gaps(&mut self) {
        self.0.retain(Option::is_some);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_item_keeps_its_number_when_another_is_removed() {
        let mut slots = Slots::from(vec!["a", "b", "c"]);
        slots.remove(0);
        slots.remove(7);
        assert_eq!(slots.numbered().collect::<Vec<_>>(), [(1, &"b"), (2, &"c")]);
        assert_eq!(serde_json::to_string(&slots).unwrap(), r#"[null,"b","c"]"#);
        assert_eq!((slots.append("d"), slots.gap()), (3, 0));
        slots.fill("e");
        assert_eq!((slots.get(0), slots.gap()), (Some(&"e"), 4));
        slots.remove(1);
        slots.close_gaps();
        assert_eq!(slots.numbered().nth(1), Some((1, &"c")));
    }

    #[test]
    fn a_list_of_an_older_version_is_read() {
        let slots: Slots<String> = serde_json::from_str(r#"["a","b"]"#).unwrap();
        assert_eq!(slots, Slots::from(vec!["a".to_owned(), "b".to_owned()]));
    }
}
