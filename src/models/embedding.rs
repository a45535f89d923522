/// A request for embeddings, checked.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct EmbedRequest {
    /// The provider's name, where the caller chose one.
    pub provider: Option<String>,
    /// The model, as in a chat request.
    pub model: Option<String>,
    /// The texts; never empty.
    pub input: Vec<String>,
    /// How long the vectors are to be; the model's usual length when absent.
    pub dimensions: Option<u64>,
    /// Fields that providers of other languages cannot be told of; they are left out.
    pub left_out: Vec<String>,
}

impl EmbedRequest {
    /// Bytes of text, for an estimate of its tokens.
    pub fn text_bytes(&self) -> u64 {
        self.input.iter().fold(0, |sum: u64, text| sum.saturating_add(text.len() as u64))
    }
}

/// Vectors, one for each text and in their order.
#[derive(Clone, Debug, Default, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Embeddings {
    /// The model that made them, where the provider says.
    pub model: Option<String>,
    /// The vectors.
    pub vectors: Vec<Vec<f32>>,
    /// The tokens of all texts, where the provider counts them.
    pub input_tokens: Option<u64>,
}
