//! An image's root as a stack of block images: what is there already, and what is to be made.

use std::ops::Range;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// More disks than this make the boot slower than one new block image of most layers is to make.
const STACK_MAX: usize = 12;
/// Of an image that is like none seen before, so many of the uppermost layers get block images of their own:
/// they are what the next edit is likely to change.
const LIKELY_TO_CHANGE: usize = 4;

/// Names all layers up to a certain one, as OCI's ChainID.
/// <https://github.com/opencontainers/image-spec/blob/main/config.md#layer-chainid>
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Chain(String);

/// The chains of an image's layers, from that of the lowest layer to that of all.
pub fn chains(layers: &[String]) -> Vec<Chain> {
    let mut chains: Vec<Chain> = Vec::new();
    for layer in layers {
        let chain = match chains.last() {
            None => layer.clone(),
            Some(Chain(below)) => {
                let digest = Sha256::digest(format!("{below} {layer}"));
                let hex: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
                format!("sha256:{hex}")
            }
        };
        chains.push(Chain(chain));
    }
    chains
}

/// A block image of the layers above `from` (all, if none) up to `to`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Block {
    /// What it stands on.
    pub from: Option<Chain>,
    /// The last layer in it.
    pub to: Chain,
    /// Marks of what is gone are `user.` attributes, as overlayfs writes them without root.
    pub user_marks: bool,
}

impl Block {
    /// A file name for it.
    pub fn file_stem(&self) -> String {
        let short =
            |Chain(text): &Chain| text.trim_start_matches("sha256:").chars().take(32).collect::<String>();
        match &self.from {
            None => short(&self.to),
            Some(from) => format!("{}-{}", short(from), short(&self.to)),
        }
    }
}

/// How to get an image's root.
#[derive(Debug, PartialEq, Eq)]
pub struct Plan {
    /// Block images that are there, the lowest first.
    pub have: Vec<Block>,
    /// What is to be made above them, the lowest first: layers by their places in the image. Only the first
    /// may hold several layers, and only when it is the lowest of all.
    pub convert: Vec<Range<usize>>,
}

/// Finds the longest chain of the image that is there, and what is missing above it.
///
/// `seen` are the chains of images that were converted before: where they part from this one is where the
/// user edits.
pub fn plan(chains: &[Chain], there: &[Block], seen: &[Vec<Chain>]) -> Plan {
    let count = chains.len();
    let single = |places: Range<usize>| places.map(|place| place..place + 1);
    for known in (1..=count).rev() {
        if let Some(have) = stack_of(&chains[known - 1], chains, there) {
            if have.len() + count - known > STACK_MAX {
                break;
            }
            return Plan { have, convert: single(known..count).collect() };
        }
    }
    let shared =
        seen.iter().map(|other| common_prefix(chains, other)).filter(|&n| n < count).max().unwrap_or(0);
    let likely = count.saturating_sub(LIKELY_TO_CHANGE).max(1);
    let base = if shared > 0 { shared.min(likely) } else { likely };
    let base = base.max((count + 1).saturating_sub(STACK_MAX)).min(count);
    Plan { have: vec![], convert: std::iter::once(0..base).chain(single(base..count)).collect() }
}

fn common_prefix(a: &[Chain], b: &[Chain]) -> usize {
    a.iter().zip(b).take_while(|(a, b)| a == b).count()
}

/// The blocks of this chain, the lowest first, if they are all there; the fewest that do.
fn stack_of(chain: &Chain, chains: &[Chain], there: &[Block]) -> Option<Vec<Block>> {
    if let Some(whole) = there.iter().find(|block| block.to == *chain && block.from.is_none()) {
        return Some(vec![whole.clone()]);
    }
    there
        .iter()
        .filter(|block| block.to == *chain)
        .filter_map(|block| {
            let from = block.from.as_ref()?;
            // Only what is lower in the same image: so this comes to an end.
            let place = |chain: &Chain| chains.iter().position(|c| c == chain);
            if place(from)? >= place(chain)? {
                return None;
            }
            let mut stack = stack_of(from, chains, there)?;
            stack.push(block.clone());
            Some(stack)
        })
        .min_by_key(Vec::len)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn image(layers: &[&str]) -> Vec<Chain> {
        chains(&layers.iter().map(|layer| format!("sha256:{layer}")).collect::<Vec<_>>())
    }

    fn whole(to: &Chain) -> Block {
        Block { from: None, to: to.clone(), user_marks: false }
    }

    fn above(from: &Chain, to: &Chain) -> Block {
        Block { from: Some(from.clone()), to: to.clone(), user_marks: false }
    }

    #[test]
    fn chain_ids_are_those_of_the_specification() {
        let chains = image(&["aa", "bb"]);
        assert_eq!(chains[0], Chain("sha256:aa".into()));
        // printf 'sha256:aa sha256:bb' | sha256sum
        let digest = "b68ad689d6d1ec110ea1c13617437ad6f3766d4b3b309f6a603a222e07a0164f";
        assert_eq!(chains[1], Chain(format!("sha256:{digest}")));
    }

    #[test]
    fn a_new_image_is_split_where_it_is_likely_to_change() {
        let ranges = |count: usize| {
            let names: Vec<String> = (0..count).map(|n| n.to_string()).collect();
            plan(&image(&names.iter().map(String::as_str).collect::<Vec<_>>()), &[], &[]).convert
        };
        assert_eq!(ranges(1), std::iter::once(0..1).collect::<Vec<_>>());
        assert_eq!(ranges(3), [0..1, 1..2, 2..3]);
        assert_eq!(ranges(130), [0..126, 126..127, 127..128, 128..129, 129..130]);
    }

    #[test]
    fn only_what_changed_is_converted() {
        let old = image(&["a", "b", "c"]);
        let new = image(&["a", "b", "x", "y"]);
        let there = [whole(&old[1]), above(&old[1], &old[2])];
        assert_eq!(plan(&old, &there, &[]), Plan { have: there.to_vec(), convert: vec![] });
        assert_eq!(plan(&new, &there, &[]), Plan { have: vec![whole(&old[1])], convert: vec![2..3, 3..4] });
    }

    #[test]
    fn an_edit_far_below_splits_there_the_next_time() {
        let names: Vec<String> = (0..20).map(|n| n.to_string()).collect();
        let mut layers: Vec<&str> = names.iter().map(String::as_str).collect();
        let old = image(&layers);
        let there = [whole(&old[15])];
        layers[12] = "edited";
        let new = image(&layers);
        let convert = plan(&new, &there, &[old]).convert;
        assert_eq!(convert[0], 0..12);
        assert_eq!(convert.len(), 9);
    }

    #[test]
    fn a_long_stack_is_made_anew() {
        let names: Vec<String> = (0..=STACK_MAX).map(|n| n.to_string()).collect();
        let chains = image(&names.iter().map(String::as_str).collect::<Vec<_>>());
        let mut there = vec![whole(&chains[0])];
        there.extend((1..STACK_MAX).map(|n| above(&chains[n - 1], &chains[n])));
        assert_eq!(plan(&chains[..STACK_MAX], &there, &[]).have.len(), STACK_MAX);
        let plan = plan(&chains, &there, &[]);
        assert!(plan.have.is_empty() && plan.convert.len() <= STACK_MAX, "{plan:?}");
    }
}
