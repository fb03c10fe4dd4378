import Refrain
import RefrainData

extension Classifier {
  /// What a saved classifier needs besides its tensors.
  private struct Description: Codable {
    let target: String
    let labels: Labels
    let columns: InputColumns
    let plan: NetworkPlan
    let members: Int
    let hasBaseline: Bool
    let calibration: Calibration
    let report: ClassifierReport

    /// What is wrong with what somebody may have forged; nil where answers can be made of it.
    var fault: String? {
      guard plan.isSound, 1...64 ~= members, !columns.encoders.isEmpty else { return "the plan cannot be" }
      guard !labels.names.isEmpty, Set(labels.names).count == labels.names.count,
        report.shares.count == labels.names.count, report.shares.allSatisfy({ 0...1 ~= $0 }),
        labels.areSeveral || labels.names.count > 1
      else { return "the classes cannot be" }
      return calibration.temperature.isNormal && calibration.temperature > 0 ? nil : "the temperature cannot be"
    }

    func weightCount() -> Double {
      let network = JoinedNetwork.weightCount(columns, plan, outputSize: labels.names.count)
      return Double(members) * network + (hasBaseline ? Double(columns.bagSize) * Double(labels.names.count) : 0)
    }
  }

  /// All tensors.
  private struct Tensors: TensorGroup {
    var networks: [JoinedNetwork]
    var baseline: LogisticRegression?

    mutating func forEachTensor<E: Error>(
      _ body: (_ name: String, _ tensor: inout Tensor) throws(E) -> Void
    ) throws(E) {
      try networks.forEachTensor(under: "networks", body)
      try baseline?.forEachTensor(under: "baseline", body)
    }
  }

  /// Everything an answer needs, as the contents of a `.safetensors` file.
  public func modelFile() throws(DataError) -> SafeTensorsFile {
    let description = Description(
      target: target, labels: labels, columns: columns, plan: plan, members: networks.count,
      hasBaseline: baseline != nil, calibration: calibration, report: report)
    return try ModelFile.contents(
      of: Tensors(networks: networks, baseline: baseline), kind: Self.kind, description: description)
  }

  /// Rebuilds a classifier from what ``modelFile()`` gave; its answers are the same to the last bit.
  public init(modelFile: SafeTensorsFile, path: String? = nil) throws(DataError) {
    let contents = try ModelFile.read(modelFile, path: path, kind: Self.kind, description: Description.self)
    let description = contents.description
    if let fault = description.fault { throw contents.damaged("the model's numbers contradict each other: \(fault)") }
    try contents.checkSize(description.weightCount())
    let classes = description.labels.names.count
    var generator = RandomGenerator(seed: 0)
    var tensors = Tensors(
      networks: (0..<description.members).map { _ in
        JoinedNetwork(description.columns, description.plan, outputSize: classes, using: &generator)
      },
      baseline: description.hasBaseline
        ? LogisticRegression(description.columns, classes: classes, areSeveral: description.labels.areSeveral) : nil)
    try contents.load(into: &tensors)
    self.init(
      target: description.target, labels: description.labels, columns: description.columns, plan: description.plan,
      networks: tensors.networks, calibration: description.calibration, baseline: tensors.baseline,
      report: description.report)
  }
}
