import Refrain
import RefrainData

extension Translator {
  /// What a saved translator needs besides its tensors.
  private struct Description: Codable {
    let source: Tokenizer
    /// nil where it is that of the source.
    let target: Tokenizer?
    let architecture: TranslationArchitecture
    /// nil in files of before they were saved.
    let columns: PairColumns?
    let bleuTokens: BLEU.Tokens
    let held: TranslationMeasure?
    let notes: [String]
    let isComplete: Bool
    let training: TrainingReport

    /// What is wrong with numbers that somebody may have forged; nil where they can be used.
    var fault: String? {
      guard architecture.sourceVocabulary == source.vocabulary.count,
        architecture.targetVocabulary == (target ?? source).vocabulary.count,
        architecture.isShared == (target == nil)
      else { return "its tokens do not fit its network" }
      guard (1...64).contains(architecture.layers),
        [architecture.hidden, architecture.embedding].allSatisfy({ (1...1 << 14).contains($0) })
      else { return "its layers cannot be" }
      guard held?.isSound ?? true else { return "what was measured of it cannot be" }
      return nil
    }

    /// About how many weights the network will have at least.
    var weightCount: Double {
      let rows = architecture.targetVocabulary + (architecture.isShared ? 0 : architecture.sourceVocabulary)
      let (size, layers) = (Double(architecture.hidden), Double(architecture.layers))
      return Double(rows) * Double(architecture.embedding) + layers * size * (size + 1)
    }
  }

  /// Everything the translator needs, as the contents of a `.safetensors` file.
  public func modelFile() throws(DataError) -> SafeTensorsFile {
    let description = Description(
      source: sourceTokenizer, target: translationNetwork.architecture.isShared ? nil : targetTokenizer,
      architecture: translationNetwork.architecture, columns: columns, bleuTokens: bleuTokens, held: held,
      notes: notes, isComplete: isComplete, training: training)
    return try ModelFile.contents(of: translationNetwork, kind: Self.kind, description: description)
  }

  /// Rebuilds a translator from what ``modelFile()`` gave; its answers are the same to the last bit.
  ///
  /// - Throws: What `ModelFile.read` throws; `damagedModel` when the parts do not fit together.
  public init(modelFile: SafeTensorsFile, path: String? = nil) throws(DataError) {
    let contents = try ModelFile.read(modelFile, path: path, kind: Self.kind, description: Description.self)
    let description = contents.description
    if let fault = description.fault { throw contents.damaged("the model's numbers contradict each other: \(fault)") }
    try contents.checkSize(description.weightCount)
    var generator = RandomGenerator(seed: 0)
    var network: TranslationNetwork
    do throws(TaskError) {
      network = try TranslationNetwork(description.architecture, using: &generator)
    } catch {
      throw contents.damaged(error.problem)
    }
    try contents.load(into: &network)
    self.init(
      sourceTokenizer: description.source, targetTokenizer: description.target ?? description.source,
      translationNetwork: network, columns: description.columns ?? PairColumns(),
      bleuTokens: description.bleuTokens, held: description.held, notes: description.notes,
      isComplete: description.isComplete, training: description.training)
  }
}
