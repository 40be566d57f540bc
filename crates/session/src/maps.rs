//! What is mapped where, in every version that an address space ever had.
//!
//! A process changes its address space thousands of times (a JIT compiler flips the protection
//! of its memory, a shell forks all day), and a sample must be looked up in the version of its
//! own time. So versions share what they have in common: [`Maps`] holds the nodes of balanced
//! search trees that are never changed once made; a change makes the nodes on one path anew, and
//! a fork copies one number. Any version can be asked at any time, from any thread.
//!
//! The trees are AVL trees made by joining: `O(log n)` nodes per change, whatever the order in
//! which a file, honest or not, maps and unmaps.

/// The trees of all versions of all address spaces.
#[derive(Debug, Default)]
pub(crate) struct Maps {
    nodes: Vec<Node>,
}

/// The root of a version's tree.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Version(Option<NodeId>);

type NodeId = u32;
type Tree = Option<NodeId>;

/// Addresses from the first to the last, both included: the kernel's range may end with the
/// last address that there is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Piece<Mapped> {
    pub(crate) first: u64,
    pub(crate) last: u64,
    /// What is mapped; `None` where something is known to be, and to be no code.
    pub(crate) mapped: Mapped,
}

/// The index of a mapping, or none for memory that holds no code.
pub(crate) type Mapped = Option<u32>;

#[derive(Clone, Copy, Debug)]
struct Node {
    piece: Piece<Mapped>,
    left: Tree,
    right: Tree,
    height: u8,
}

impl Maps {
    /// What is mapped at `address`: the index that [`Maps::map`] was given.
    pub(crate) fn lookup(&self, version: Version, address: u64) -> Option<u32> {
        let mut tree = version.0;
        while let Some(id) = tree {
            let node = &self.nodes[id as usize];
            if address < node.piece.first {
                tree = node.left;
            } else if address > node.piece.last {
                tree = node.right;
            } else {
                return node.piece.mapped;
            }
        }
        None
    }

    /// The version after `piece` was mapped over whatever was there: what it overlaps is
    /// trimmed, or split in two.
    pub(crate) fn map(&mut self, version: Version, piece: Piece<Mapped>) -> Version {
        debug_assert!(piece.first <= piece.last);
        let below = self.below(version.0, piece.first);
        let above = self.above(version.0, piece.last);
        Version(Some(self.join(below, piece, above)))
    }

    /// The part of a tree below an address.
    fn below(&mut self, tree: Tree, address: u64) -> Tree {
        let Node { mut piece, left, right, .. } = *self.node(tree)?;
        if piece.first >= address {
            return self.below(left, address);
        }
        if piece.last < address {
            let right = self.below(right, address);
            return Some(self.join(left, piece, right));
        }
        piece.last = address - 1;
        Some(self.join(left, piece, None))
    }

    /// The part of a tree above an address.
    fn above(&mut self, tree: Tree, address: u64) -> Tree {
        let Node { mut piece, left, right, .. } = *self.node(tree)?;
        if piece.last <= address {
            return self.above(right, address);
        }
        if piece.first > address {
            let left = self.above(left, address);
            return Some(self.join(left, piece, right));
        }
        piece.first = address + 1;
        Some(self.join(None, piece, right))
    }

    /// A balanced tree of two balanced trees, of whatever heights, and the piece between them.
    fn join(&mut self, left: Tree, piece: Piece<Mapped>, right: Tree) -> NodeId {
        let (left_height, right_height) = (self.height(left), self.height(right));
        if let Some(node) = self.node(left).copied()
            && left_height > right_height + 1
        {
            let joined = self.join(node.right, piece, right);
            return self.balance(node.left, node.piece, Some(joined));
        }
        if let Some(node) = self.node(right).copied()
            && right_height > left_height + 1
        {
            let joined = self.join(left, piece, node.left);
            return self.balance(Some(joined), node.piece, node.right);
        }
        self.push(left, piece, right)
    }

    /// As [`Self::join`], of trees whose heights differ by two at most: one rotation, or two.
    fn balance(&mut self, left: Tree, piece: Piece<Mapped>, right: Tree) -> NodeId {
        let (left_height, right_height) = (self.height(left), self.height(right));
        if let Some(node) = self.node(left).copied()
            && left_height > right_height + 1
        {
            if let Some(inner) = self.node(node.right).copied()
                && inner.height > self.height(node.left)
            {
                let left = self.push(node.left, node.piece, inner.left);
                let right = self.push(inner.right, piece, right);
                return self.push(Some(left), inner.piece, Some(right));
            }
            let right = self.push(node.right, piece, right);
            return self.push(node.left, node.piece, Some(right));
        }
        if let Some(node) = self.node(right).copied()
            && right_height > left_height + 1
        {
            if let Some(inner) = self.node(node.left).copied()
                && inner.height > self.height(node.right)
            {
                let left = self.push(left, piece, inner.left);
                let right = self.push(inner.right, node.piece, node.right);
                return self.push(Some(left), inner.piece, Some(right));
            }
            let left = self.push(left, piece, node.left);
            return self.push(Some(left), node.piece, node.right);
        }
        self.push(left, piece, right)
    }

    fn push(&mut self, left: Tree, piece: Piece<Mapped>, right: Tree) -> NodeId {
        let height = self.height(left).max(self.height(right)) + 1;
        // A change costs 40 bytes of the file and a few dozen nodes here: memory ends long before
        // the numbers do.
        #[expect(clippy::cast_possible_truncation)]
        let id = self.nodes.len() as NodeId;
        self.nodes.push(Node { piece, left, right, height });
        id
    }

    fn node(&self, tree: Tree) -> Option<&Node> {
        tree.map(|id| &self.nodes[id as usize])
    }

    fn height(&self, tree: Tree) -> u8 {
        self.node(tree).map_or(0, |node| node.height)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn piece(first: u64, last: u64, mapped: u32) -> Piece<Mapped> {
        Piece { first, last, mapped: Some(mapped) }
    }

    #[test]
    fn a_mapping_in_the_middle_splits_the_one_below() {
        let mut maps = Maps::default();
        let old = maps.map(Version::default(), piece(0x1000, 0x4fff, 1));
        let new = maps.map(old, piece(0x2000, 0x2fff, 2));
        let at = |version, address| maps.lookup(version, address);
        assert_eq!(at(new, 0x1fff), Some(1));
        assert_eq!(at(new, 0x2000), Some(2));
        assert_eq!(at(new, 0x2fff), Some(2));
        assert_eq!(at(new, 0x3000), Some(1));
        assert_eq!(at(new, 0x5000), None);
        assert_eq!(at(old, 0x2000), Some(1), "the older version is as it was");
    }

    #[test]
    fn the_last_address_can_be_mapped() {
        let mut maps = Maps::default();
        let all = maps.map(Version::default(), piece(0, u64::MAX, 7));
        let module = maps.map(all, piece(u64::MAX - 15, u64::MAX, 8));
        assert_eq!(maps.lookup(module, u64::MAX), Some(8));
        assert_eq!(maps.lookup(module, u64::MAX - 16), Some(7));
    }

    /// The height of a tree, after checking that it is balanced and in order.
    fn check(maps: &Maps, tree: Tree, within: std::ops::RangeInclusive<u64>) -> u8 {
        let Some(node) = maps.node(tree) else { return 0 };
        let Piece { first, last, .. } = node.piece;
        assert!(first <= last && within.contains(&first) && within.contains(&last));
        let left = check(maps, node.left, *within.start()..=first.saturating_sub(1));
        let right = check(maps, node.right, last.saturating_add(1)..=*within.end());
        assert!(left.abs_diff(right) <= 1, "not balanced: {left} and {right}");
        assert_eq!(node.height, left.max(right) + 1);
        node.height
    }

    proptest! {
        /// Against the simplest thing that could be right: a cell per address.
        #[test]
        fn every_version_equals_an_array(changes in prop::collection::vec((0..200_u64, 0..40_u64), 1..120)) {
            let mut maps = Maps::default();
            let mut version = Version::default();
            let mut cells = [None; 240];
            let mut past = vec![(version, cells)];
            for (index, (first, len)) in changes.into_iter().enumerate() {
                let index = u32::try_from(index).unwrap();
                version = maps.map(version, piece(first, first + len, index));
                let range = usize::try_from(first).unwrap()..=usize::try_from(first + len).unwrap();
                cells[range].fill(Some(index));
                check(&maps, version.0, 0..=u64::MAX);
                past.push((version, cells));
            }
            for (version, cells) in past {
                for (address, cell) in cells.iter().enumerate() {
                    prop_assert_eq!(maps.lookup(version, address as u64), *cell);
                }
            }
        }
    }
}
