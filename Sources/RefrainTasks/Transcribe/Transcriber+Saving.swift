import Refrain
import RefrainData

extension Transcriber {
  /// What a saved transcriber needs besides its tensors.
  private struct Description: Codable {
    let plan: TranscriptionPlan
    let search: TranscriptionSearch
    /// The language model, as an ARPA file.
    let language: String?
    let report: TrainingSummary

    /// What is wrong with numbers that somebody may have forged.
    var fault: String? {
      if let fault = plan.fault { return fault }
      guard search.weight.isFinite, search.wordBonus.isFinite, (1...1 << 16).contains(search.width) else {
        return "the search cannot be"
      }
      return nil
    }

    /// About how many weights the network will have.
    func weightCount(atMost limit: Int) -> Double? {
      func stack<Cell: RecurrentCell>(_ cell: Cell.Type) -> any Layer { TranscriptionNetwork.stack(plan, cell) }
      guard let cell = Cells.named(plan.cell) else { return nil }
      let shape = [nil, nil, plan.inputSize]
      let recurrent = Sequential(inputShape: shape, builtLayers: [stack(cell)]).weightCount(for: shape, atMost: limit)
      return recurrent.map { $0 + Double(2 * plan.hiddenSize + 1) * Double(plan.symbols.count) }
    }
  }

  /// Everything a transcription needs, as the contents of a `.safetensors` file.
  public func modelFile() throws(DataError) -> SafeTensorsFile {
    let description = Description(plan: plan, search: search, language: language.model?.arpa(), report: report)
    return try ModelFile.contents(of: transcriptionNetwork, kind: Self.kind, description: description)
  }

  /// Rebuilds a transcriber from what ``modelFile()`` gave; its answers are the same to the last bit.
  ///
  /// - Throws: What ``ModelFile/read(_:path:kind:description:layers:)`` throws; `damagedModel` when the parts do not
  ///   fit together.
  public init(modelFile: SafeTensorsFile, path: String? = nil) throws(DataError) {
    let contents = try ModelFile.read(modelFile, path: path, kind: Self.kind, description: Description.self)
    let description = contents.description
    if let fault = description.fault { throw contents.damaged("the model's numbers contradict each other: \(fault)") }
    try contents.checkSize(description.weightCount(atMost: contents.elementCount))
    var generator = RandomGenerator(seed: 0)
    var network = TranscriptionNetwork(description.plan, using: &generator)
    try contents.load(into: &network)
    let model = try description.language.map { text throws(DataError) in
      do throws(DataError) { return try NGramModel(arpa: Array(text.utf8)) } catch {
        throw contents.damaged("its language model: \(error.problem)")
      }
    }
    self.init(
      plan: description.plan, search: description.search,
      language: SpokenLanguage(model: model, plan: description.plan), transcriptionNetwork: network,
      report: description.report)
  }
}
