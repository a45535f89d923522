//! Vectors: kept as four bytes a number, searched through as one.

use std::collections::HashSet;

/// A vector's direction, a byte a number: what a search looks through first. What it finds is compared exactly then.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sketch(Vec<i8>);

impl Sketch {
    /// The sketch of a vector. One of no length has no direction, and fits nothing.
    pub fn of(vector: &[f32]) -> Self {
        let largest = vector.iter().fold(0.0f32, |largest, value| largest.max(value.abs()));
        let scale = if largest > 0.0 { 127.0 / largest } else { 0.0 };
        // Within -127 to 127 by the scale.
        Sketch(vector.iter().map(|value| (value * scale).round() as i8).collect())
    }

    /// A sketch that was kept.
    pub fn read(bytes: &[u8]) -> Self {
        Sketch(bytes.iter().map(|byte| byte.cast_signed()).collect())
    }

    /// Its bytes.
    pub fn bytes(&self) -> Vec<u8> {
        self.0.iter().map(|value| value.cast_unsigned()).collect()
    }
}

/// The sketches of all pieces of a collection.
#[derive(Debug, Default)]
pub struct Matrix {
    dimensions: usize,
    ids: Vec<u64>,
    norms: Vec<f32>,
    values: Vec<i8>,
}

impl Matrix {
    /// Takes one more. One of another length belongs to another model, and is left out.
    pub fn push(&mut self, id: u64, sketch: &Sketch) {
        if self.ids.is_empty() {
            self.dimensions = sketch.0.len();
        }
        if sketch.0.len() != self.dimensions || self.dimensions == 0 {
            return;
        }
        self.ids.push(id);
        self.norms.push(norm(&sketch.0));
        self.values.extend_from_slice(&sketch.0);
    }

    /// Forgets these. In its place, because a copy of it may be more than there is room for.
    pub fn remove(&mut self, gone: &[u64]) {
        let gone: HashSet<u64> = gone.iter().copied().collect();
        if gone.is_empty() {
            return;
        }
        let width = self.dimensions;
        let mut to = 0usize;
        for from in 0..self.ids.len() {
            let Some(id) = self.ids.get(from).copied().filter(|id| !gone.contains(id)) else { continue };
            if to < from {
                let (start, place) = (from.saturating_mul(width), to.saturating_mul(width));
                self.values.copy_within(start..start.saturating_add(width), place);
                let norm = self.norms.get(from).copied().unwrap_or_default();
                self.ids.get_mut(to).into_iter().for_each(|slot| *slot = id);
                self.norms.get_mut(to).into_iter().for_each(|slot| *slot = norm);
            }
            to = to.saturating_add(1);
        }
        self.ids.truncate(to);
        self.norms.truncate(to);
        self.values.truncate(to.saturating_mul(width));
    }

    /// The ids of those that point most nearly in a direction, best first.
    pub fn nearest(&self, direction: &Sketch, most: usize) -> Vec<u64> {
        if direction.0.len() != self.dimensions || most == 0 {
            return Vec::new();
        }
        let rows = self.values.chunks(self.dimensions.max(1)).zip(self.ids.iter().zip(&self.norms));
        let mut scored: Vec<(f32, u64)> =
            rows.map(|(values, (id, norm))| (dot(values, &direction.0) as f32 / norm.max(1.0), *id)).collect();
        let by_score = |a: &(f32, u64), b: &(f32, u64)| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1));
        if scored.len() > most {
            scored.select_nth_unstable_by(most.saturating_sub(1), by_score);
            scored.truncate(most);
        }
        scored.sort_unstable_by(by_score);
        scored.into_iter().map(|(_, id)| id).collect()
    }
}

fn norm(values: &[i8]) -> f32 {
    (dot(values, values) as f32).sqrt()
}

/// At most 127 times 127 times a few thousand: far from the end of 32 bits.
fn dot(a: &[i8], b: &[i8]) -> i32 {
    a.iter().zip(b).fold(0i32, |sum, (a, b)| sum.wrapping_add(i32::from(*a).wrapping_mul(i32::from(*b))))
}

/// How nearly two vectors point in one direction: 1 the same, 0 nothing in common.
pub fn cosine(a: &[f32], b: &[f32]) -> f32 {
    let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f32>();
    let length = (dot(a, a) * dot(b, b)).sqrt();
    if length > 0.0 && a.len() == b.len() { dot(a, b) / length } else { 0.0 }
}

/// A vector as it is kept: four bytes a number, the lowest first.
pub fn write_vector(vector: &[f32]) -> Vec<u8> {
    vector.iter().flat_map(|value| value.to_le_bytes()).collect()
}

/// A vector that was kept.
pub fn read_vector(bytes: &[u8]) -> Vec<f32> {
    bytes.chunks_exact(4).filter_map(|four| Some(f32::from_le_bytes(four.try_into().ok()?))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::collection::vec;
    use proptest::prelude::*;

    fn matrix(vectors: &[Vec<f32>]) -> Matrix {
        let mut matrix = Matrix::default();
        vectors.iter().zip(0..).for_each(|(vector, id)| matrix.push(id, &Sketch::of(vector)));
        matrix
    }

    #[test]
    fn nearest_first_and_what_is_gone_is_gone() {
        let mut matrix = matrix(&[vec![1.0, 0.0], vec![0.0, 1.0], vec![100.0, 90.0], vec![-1.0, 0.0]]);
        let east = Sketch::of(&[3.0, 0.1]);
        assert_eq!(matrix.nearest(&east, 10), [0, 2, 1, 3]);
        assert_eq!(matrix.nearest(&east, 2), [0, 2]);
        matrix.remove(&[0, 3]);
        assert_eq!(matrix.nearest(&east, 10), [2, 1]);
        assert!(matrix.nearest(&Sketch::of(&[1.0]), 10).is_empty(), "another model's");
        matrix.push(9, &Sketch::of(&[1.0, 1.0, 1.0]));
        assert_eq!(matrix.nearest(&east, 10).len(), 2);
        assert!(matrix.nearest(&Sketch::of(&[0.0, 0.0]), 1).len() == 1, "no direction is no reason to fail");
    }

    proptest! {
        #[test]
        fn what_is_kept_comes_back(vector in vec(-1000f32..1000.0, 0..40)) {
            prop_assert_eq!(read_vector(&write_vector(&vector)), vector.clone());
            let sketch = Sketch::of(&vector);
            prop_assert_eq!(Sketch::read(&sketch.bytes()), sketch);
        }

        /// A byte a number is exact enough to find what is nearest among a few.
        #[test]
        fn a_sketch_finds_what_is_nearest(vectors in vec(vec(-1f32..1.0, 16), 1..40), asked in vec(-1f32..1.0, 16)) {
            let mut exact: Vec<(f32, u64)> = vectors.iter().zip(0..).map(|(one, id)| (cosine(one, &asked), id)).collect();
            exact.sort_by(|a, b| b.0.total_cmp(&a.0));
            let found = matrix(&vectors).nearest(&Sketch::of(&asked), 8);
            prop_assert!(found.contains(&exact[0].1));
        }
    }
}
