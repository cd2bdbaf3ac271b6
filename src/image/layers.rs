//! The layers of an image, with their sizes.

use serde::Deserialize;

use super::error::{Error, parse};
use super::podman::Podman;

/// A layer of an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layer {
    /// The digest of its uncompressed content.
    pub digest: String,
    /// Bytes, if podman tells.
    pub size: Option<u64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Inspected {
    #[serde(rename = "RootFS")]
    root: Root,
    #[serde(default)]
    history: Vec<Step>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Root {
    #[serde(default)]
    layers: Vec<String>,
}

#[derive(Deserialize)]
struct Step {
    #[serde(default)]
    empty_layer: bool,
}

#[derive(Deserialize)]
struct Size {
    size: u64,
}

impl Podman {
    /// Returns the layers of an image, the lowest first.
    ///
    /// # Errors
    /// podman fails.
    pub fn layers(&self, image: &str) -> Result<Vec<Layer>, Error> {
        let doing = format!("list the layers of image {image}");
        let text = self.run(
            ["image", "inspect", "--format", "json", "--", image],
            &doing,
        )?;
        let [inspected]: [Inspected; 1] = parse(&text, &doing)?;
        let text = self.run(["history", "--format", "json", "--", image], &doing)?;
        Ok(layers(&inspected, &parse::<Vec<Size>>(&text, &doing)?))
    }
}

/// `podman history` has a size for each step, the newest first, and `podman inspect` says which
/// steps have a layer.
fn layers(inspected: &Inspected, sizes: &[Size]) -> Vec<Layer> {
    let steps = inspected.history.iter().zip(sizes.iter().rev());
    let with_layer = steps.filter(|(step, _)| !step.empty_layer);
    let known: Vec<u64> = with_layer.map(|(_, size)| size.size).collect();
    let is_whole = inspected.history.len() == sizes.len();
    let digests = &inspected.root.layers;
    let fits = is_whole && known.len() == digests.len();
    let layer = |(place, digest): (usize, &String)| Layer {
        digest: digest.clone(),
        size: known.get(place).copied().filter(|_| fits),
    };
    digests.iter().enumerate().map(layer).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_without_a_layer_have_no_size() {
        let inspected = |text| serde_json::from_str::<Inspected>(text).unwrap();
        let found = inspected(
            r#"{"RootFS":{"Layers":["a","b"]},
                "History":[{},{"empty_layer":true},{"created_by":"x"}]}"#,
        );
        let size = |size| Size { size };
        let told = |layers: Vec<Layer>| {
            let told = layers.into_iter().map(|layer| (layer.digest, layer.size));
            told.collect::<Vec<_>>()
        };
        assert_eq!(
            told(layers(&found, &[size(7), size(0), size(100)])),
            [("a".into(), Some(100)), ("b".into(), Some(7))]
        );
        assert_eq!(
            told(layers(&found, &[size(7)])),
            [("a".into(), None), ("b".into(), None)]
        );
    }
}
