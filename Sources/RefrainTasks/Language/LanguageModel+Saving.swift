import Refrain
import RefrainData

extension LanguageModel {
  /// What a saved model needs besides its tensors.
  private struct Description: Codable {
    let tokenizer: Tokenizer
    let architecture: LanguageArchitecture
    let counts: [Int]
    let held: TextSurprise?
    let isComplete: Bool
    let training: TrainingReport

    /// What is wrong with numbers that somebody may have forged; nil where they can be used.
    var fault: String? {
      let sizes = architecture.hidden + [architecture.embedding]
      guard architecture.vocabulary == tokenizer.vocabulary.count, counts.count == architecture.vocabulary,
        counts.allSatisfy({ $0 >= 0 && $0 < 1 << 40 })
      else { return "its tokens do not fit its network" }
      guard !architecture.hidden.isEmpty, architecture.hidden.count <= 64,
        sizes.allSatisfy({ (1...1 << 14).contains($0) })
      else { return "its layers cannot be" }
      guard held?.isSound ?? true else { return "what was measured of it cannot be" }
      return nil
    }

    /// About how many weights the network will have.
    func weightCount(atMost limit: Int) -> Double? {
      func layer<Cell: RecurrentCell>(_ cell: Cell.Type, _ size: Int) -> any Layer {
        Recurrent<Cell>(size, returning: .everyStep)
      }
      guard let cell = Cells.named(architecture.cell) else { return nil }
      let layers = architecture.hidden.map { layer(cell, $0) }
      let recurrent = Sequential(inputShape: [nil, nil, architecture.embedding], builtLayers: layers)
        .weightCount(for: [nil, nil, architecture.embedding], atMost: limit)
      let rows =
        architecture.embedding + (architecture.isTied ? 1 : architecture.hidden[architecture.hidden.count - 1] + 1)
      return recurrent.map { $0 + Double(architecture.vocabulary) * Double(rows) }
    }
  }

  /// Everything the model needs, as the contents of a `.safetensors` file.
  public func modelFile() throws(DataError) -> SafeTensorsFile {
    let description = Description(
      tokenizer: tokenizer, architecture: architecture, counts: counts, held: held, isComplete: isComplete,
      training: training)
    return try ModelFile.contents(of: languageNetwork, kind: Self.kind, description: description)
  }

  /// Rebuilds a model from what ``modelFile()`` gave; its answers are the same to the last bit.
  ///
  /// - Throws: What `ModelFile.read` throws; `damagedModel` when the parts do not fit together.
  public init(modelFile: SafeTensorsFile, path: String? = nil) throws(DataError) {
    let contents = try ModelFile.read(modelFile, path: path, kind: Self.kind, description: Description.self)
    let description = contents.description
    if let fault = description.fault { throw contents.damaged("the model's numbers contradict each other: \(fault)") }
    try contents.checkSize(description.weightCount(atMost: contents.elementCount))
    var generator = RandomGenerator(seed: 0)
    var network: LanguageNetwork
    do throws(TaskError) {
      network = try LanguageNetwork(description.architecture, using: &generator)
    } catch {
      throw contents.damaged(error.problem)
    }
    try contents.load(into: &network)
    self.init(
      tokenizer: description.tokenizer, architecture: description.architecture, languageNetwork: network,
      counts: description.counts, held: description.held, isComplete: description.isComplete,
      training: description.training)
  }
}
