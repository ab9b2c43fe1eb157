//! Places for many items of one kind, in blocks: an item stays where it is, and a free place is taken before a new one.
//!
//! It grows by a block. A list that doubles would take twice the memory of its items, and as much again while it grows.

/// Places in a block.
const BLOCK: usize = 512;

/// Items in places.
#[derive(Debug)]
pub struct Slots<T> {
    blocks: Vec<Vec<Option<T>>>,
    free: Vec<u32>,
}

impl<T> Default for Slots<T> {
    fn default() -> Self {
        Self { blocks: Vec::new(), free: Vec::new() }
    }
}

impl<T> Slots<T> {
    /// The item in a place.
    #[must_use]
    pub fn get(&self, slot: u32) -> Option<&T> {
        let (block, offset) = parts(slot);
        self.blocks.get(block)?.get(offset)?.as_ref()
    }

    /// The item in a place, to change.
    pub fn get_mut(&mut self, slot: u32) -> Option<&mut T> {
        self.place(slot)?.as_mut()
    }

    /// Puts an item in a free place.
    pub fn insert(&mut self, item: T) -> u32 {
        let slot = self.free.pop().unwrap_or_else(|| self.grow());
        if let Some(place) = self.place(slot) {
            *place = Some(item);
        }
        slot
    }

    /// Takes the item out of a place.
    pub fn remove(&mut self, slot: u32) -> Option<T> {
        let item = self.place(slot)?.take()?;
        self.free.push(slot);
        Some(item)
    }

    /// Every item with its place.
    pub fn iter(&self) -> impl Iterator<Item = (u32, &T)> {
        let places = self.blocks.iter().flatten();
        (0..).zip(places).filter_map(|(slot, place)| Some((slot, place.as_ref()?)))
    }

    fn place(&mut self, slot: u32) -> Option<&mut Option<T>> {
        let (block, offset) = parts(slot);
        self.blocks.get_mut(block)?.get_mut(offset)
    }

    /// A new place.
    fn grow(&mut self) -> u32 {
        let last = match self.blocks.last_mut() {
            Some(last) if last.len() < BLOCK => last,
            _ => self.blocks.push_mut(Vec::with_capacity(BLOCK)),
        };
        last.push(None);
        let places = (self.blocks.len() - 1) * BLOCK + self.blocks.last().map_or(0, Vec::len);
        u32::try_from(places - 1).unwrap_or(u32::MAX)
    }
}

const fn parts(slot: u32) -> (usize, usize) {
    let slot = slot as usize;
    (slot / BLOCK, slot % BLOCK)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_item_stays_in_its_place_and_a_free_one_is_taken_first() {
        let mut slots = Slots::default();
        let placed: Vec<u32> = (0..3000).map(|item| slots.insert(item)).collect();
        assert_eq!(placed, (0..3000).collect::<Vec<u32>>());
        assert_eq!((slots.remove(1000), slots.remove(1000), slots.get(1000)), (Some(1000), None, None));
        assert_eq!(slots.get(2999), Some(&2999));
        assert_eq!(slots.iter().count(), 2999);
        assert_eq!((slots.insert(7), slots.insert(8)), (1000, 3000));
        *slots.get_mut(3000).unwrap() = 9;
        assert_eq!((slots.get(1000), slots.get(3000), slots.get(3001)), (Some(&7), Some(&9), None));
    }
}
