//! An image's root as a stack of block images: which exist, and which must be made.

use std::ops::Range;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// With more disks than this, the boot loses more time than one new block image of most layers
/// takes.
const STACK_MAX: usize = 12;
/// For an image unlike any known one, this many of the uppermost layers get block images of their
/// own, because the next edit is likely to change them.
const LIKELY_TO_CHANGE: usize = 4;

/// In the names of block images, so that those of earlier versions of the tool don't count. The first
/// ones could have files that a layer removes.
const FORMAT: u32 = 2;

/// OCI's ChainID, which identifies a layer together with all layers below it.
/// <https://github.com/opencontainers/image-spec/blob/main/config.md#layer-chainid>
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ChainId(String);

/// Identifies the SELinux labels that a policy gives to files: some digits of the digest of its
/// file contexts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct LabelsId(pub String);

/// Computes the chain IDs of an image's layers, the lowest layer first.
pub fn chain_ids(layers: &[String]) -> Vec<ChainId> {
    let mut chains: Vec<ChainId> = Vec::new();
    for layer in layers {
        let chain = match chains.last() {
            None => layer.clone(),
            Some(ChainId(below)) => {
                let digest = Sha256::digest(format!("{below} {layer}"));
                let hex: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
                format!("sha256:{hex}")
            }
        };
        chains.push(ChainId(chain));
    }
    chains
}

/// A block image of the layers above `from` (all layers if `None`) up to `to`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Block {
    pub from: Option<ChainId>,
    pub to: ChainId,
    /// overlayfs wrote its marks of removed files without root, as `user.` attributes, and needs
    /// the mount option `userxattr` to read them.
    #[serde(rename = "user_marks")]
    pub userxattr: bool,
    /// The labels of the files, where they have some.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub labels: Option<LabelsId>,
}

impl Block {
    /// The file's name without its extension.
    pub fn file_stem(&self) -> String {
        let short = |ChainId(text): &ChainId| {
            text.trim_start_matches("sha256:")
                .chars()
                .take(32)
                .collect::<String>()
        };
        let mut stem = match &self.from {
            None => short(&self.to),
            Some(from) => format!("{}-{}", short(from), short(&self.to)),
        };
        if let Some(LabelsId(labels)) = &self.labels {
            stem = format!("{stem}.{labels}");
        }
        // The content differs, so one cache or repository can have both.
        if self.userxattr {
            stem += ".user";
        }
        format!("{stem}.{FORMAT}")
    }
}

/// Returns the block image of these layers of an image with these chains.
pub fn block(
    chains: &[ChainId],
    layers: &Range<usize>,
    userxattr: bool,
    labels: Option<LabelsId>,
) -> Block {
    let below = layers.start.checked_sub(1);
    Block {
        from: below.map(|below| chains[below].clone()),
        to: chains[layers.end - 1].clone(),
        userxattr,
        labels,
    }
}

/// The block images of an image's root.
#[derive(Debug, PartialEq, Eq)]
pub struct Plan {
    /// Existing block images, the lowest first.
    pub reuse: Vec<Block>,
    /// Layers of the block images to make above those, the lowest first, as indexes into the
    /// image's layers. Only the first range can have several layers, and only when `reuse` is
    /// empty.
    pub convert: Vec<Range<usize>>,
}

/// Finds the longest existing stack of block images for this image, and the layers that are missing
/// above it.
///
/// `known` has the chains of images that were converted before. The user edits images where such a
/// chain and this one differ first.
pub fn plan(chains: &[ChainId], existing: &[Block], known: &[Vec<ChainId>]) -> Plan {
    let count = chains.len();
    let single = |layers: Range<usize>| layers.map(|layer| layer..layer + 1);
    for covered in (1..=count).rev() {
        if let Some(reuse) = stack_of(&chains[covered - 1], chains, existing) {
            if reuse.len() + count - covered > STACK_MAX {
                break;
            }
            return Plan {
                reuse,
                convert: single(covered..count).collect(),
            };
        }
    }
    let shared = known
        .iter()
        .map(|other| common_prefix(chains, other))
        .filter(|&n| n < count)
        .max()
        .unwrap_or(0);
    let likely = count.saturating_sub(LIKELY_TO_CHANGE).max(1);
    let base = if shared > 0 {
        shared.min(likely)
    } else {
        likely
    };
    let base = base.max((count + 1).saturating_sub(STACK_MAX)).min(count);
    Plan {
        reuse: vec![],
        convert: std::iter::once(0..base)
            .chain(single(base..count))
            .collect(),
    }
}

fn common_prefix(a: &[ChainId], b: &[ChainId]) -> usize {
    a.iter().zip(b).take_while(|(a, b)| a == b).count()
}

/// Returns the smallest complete stack of existing block images up to this chain, the lowest first.
fn stack_of(chain: &ChainId, chains: &[ChainId], existing: &[Block]) -> Option<Vec<Block>> {
    if let Some(whole) = existing
        .iter()
        .find(|block| block.to == *chain && block.from.is_none())
    {
        return Some(vec![whole.clone()]);
    }
    existing
        .iter()
        .filter(|block| block.to == *chain)
        .filter_map(|block| {
            let from = block.from.as_ref()?;
            // Each step must go down in the image, or the recursion would not end.
            let index = |chain: &ChainId| chains.iter().position(|c| c == chain);
            if index(from)? >= index(chain)? {
                return None;
            }
            let mut stack = stack_of(from, chains, existing)?;
            stack.push(block.clone());
            Some(stack)
        })
        .min_by_key(Vec::len)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn image(layers: &[&str]) -> Vec<ChainId> {
        chain_ids(
            &layers
                .iter()
                .map(|layer| format!("sha256:{layer}"))
                .collect::<Vec<_>>(),
        )
    }

    fn whole(to: &ChainId) -> Block {
        Block {
            from: None,
            to: to.clone(),
            userxattr: false,
            labels: None,
        }
    }

    fn above(from: &ChainId, to: &ChainId) -> Block {
        Block {
            from: Some(from.clone()),
            to: to.clone(),
            userxattr: false,
            labels: None,
        }
    }

    #[test]
    fn chain_ids_follow_the_specification() {
        let chains = image(&["aa", "bb"]);
        assert_eq!(chains[0], ChainId("sha256:aa".into()));
        // printf 'sha256:aa sha256:bb' | sha256sum
        let digest = "b68ad689d6d1ec110ea1c13617437ad6f3766d4b3b309f6a603a222e07a0164f";
        assert_eq!(chains[1], ChainId(format!("sha256:{digest}")));
    }

    #[test]
    fn a_new_image_is_split_where_it_is_likely_to_change() {
        let ranges = |count: usize| {
            let names: Vec<String> = (0..count).map(|n| n.to_string()).collect();
            plan(
                &image(&names.iter().map(String::as_str).collect::<Vec<_>>()),
                &[],
                &[],
            )
            .convert
        };
        assert_eq!(ranges(1), std::iter::once(0..1).collect::<Vec<_>>());
        assert_eq!(ranges(3), [0..1, 1..2, 2..3]);
        assert_eq!(
            ranges(130),
            [0..126, 126..127, 127..128, 128..129, 129..130]
        );
    }

    #[test]
    fn only_changed_layers_are_converted() {
        let old = image(&["a", "b", "c"]);
        let new = image(&["a", "b", "x", "y"]);
        let existing = [whole(&old[1]), above(&old[1], &old[2])];
        assert_eq!(
            plan(&old, &existing, &[]),
            Plan {
                reuse: existing.to_vec(),
                convert: vec![]
            }
        );
        assert_eq!(
            plan(&new, &existing, &[]),
            Plan {
                reuse: vec![whole(&old[1])],
                convert: vec![2..3, 3..4]
            }
        );
    }

    #[test]
    fn an_edit_of_a_low_layer_splits_the_next_image_at_that_layer() {
        let names: Vec<String> = (0..20).map(|n| n.to_string()).collect();
        let mut layers: Vec<&str> = names.iter().map(String::as_str).collect();
        let old = image(&layers);
        let existing = [whole(&old[15])];
        layers[12] = "edited";
        let new = image(&layers);
        let convert = plan(&new, &existing, &[old]).convert;
        assert_eq!(convert[0], 0..12);
        assert_eq!(convert.len(), 9);
    }

    #[test]
    fn a_stack_that_would_be_too_long_is_replaced() {
        let names: Vec<String> = (0..=STACK_MAX).map(|n| n.to_string()).collect();
        let chains = image(&names.iter().map(String::as_str).collect::<Vec<_>>());
        let mut existing = vec![whole(&chains[0])];
        existing.extend((1..STACK_MAX).map(|n| above(&chains[n - 1], &chains[n])));
        assert_eq!(
            plan(&chains[..STACK_MAX], &existing, &[]).reuse.len(),
            STACK_MAX
        );
        let plan = plan(&chains, &existing, &[]);
        assert!(
            plan.reuse.is_empty() && plan.convert.len() <= STACK_MAX,
            "{plan:?}"
        );
    }
}
