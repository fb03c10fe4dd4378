import Refrain
import RefrainData

extension Classifier {
  /// What a saved classifier needs besides its tensors.
  private struct Description: Codable {
    let model: ColumnModel.Description
    let labels: Labels
    let calibration: Calibration
    let hasBaseline: Bool
    let linear: LinearShare
    let shares: [Double]

    /// What is wrong with what somebody may have forged; nil where answers can be made of it.
    var fault: String? {
      if let fault = model.fault { return fault }
      guard !labels.names.isEmpty, Set(labels.names).count == labels.names.count,
        shares.count == labels.names.count, shares.allSatisfy({ 0...1 ~= $0 }),
        labels.areSeveral || labels.names.count > 1
      else { return "the classes cannot be" }
      guard linear.isSound, hasBaseline || linear.share == 0 else { return "the share of the linear model cannot be" }
      return calibration.temperature.isNormal && calibration.temperature > 0 ? nil : "the temperature cannot be"
    }

    func weightCount() -> Double {
      let classes = labels.names.count
      let baseline = hasBaseline ? Double(model.columns.bagSize) * Double(classes) : 0
      return model.weightCount(outputSize: classes) + baseline
    }
  }

  /// Everything an answer needs, as the contents of a `.safetensors` file.
  public func modelFile() throws(DataError) -> SafeTensorsFile {
    let description = Description(
      model: model.description, labels: labels, calibration: calibration, hasBaseline: baseline != nil, linear: linear,
      shares: shares)
    return try ModelFile.contents(
      of: ColumnTensors(networks: networks, baseline: baseline), kind: Self.kind, description: description)
  }

  /// Rebuilds a classifier from what ``modelFile()`` gave; its answers are the same to the last bit.
  public init(modelFile: SafeTensorsFile, path: String? = nil) throws(DataError) {
    let contents = try ModelFile.read(modelFile, path: path, kind: Self.kind, description: Description.self)
    let description = contents.description
    if let fault = description.fault { throw contents.damaged("the model's numbers contradict each other: \(fault)") }
    try contents.checkSize(description.weightCount())
    let labels = description.labels
    var tensors = ColumnTensors(
      networks: description.model.networks(outputSize: labels.names.count),
      baseline: description.hasBaseline
        ? LogisticRegression(description.model.columns, classes: labels.names.count, areSeveral: labels.areSeveral)
        : nil)
    try contents.load(into: &tensors)
    self.init(
      model: ColumnModel(description.model, networks: tensors.networks), labels: labels,
      calibration: description.calibration, baseline: tensors.baseline, linear: description.linear,
      shares: description.shares)
  }
}
