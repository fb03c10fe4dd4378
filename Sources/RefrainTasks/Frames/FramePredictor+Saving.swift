import Refrain
import RefrainData

extension FramePredictor {
  /// What a saved predictor needs besides its tensors.
  private struct Description: Codable {
    let plan: FramePlan
    let report: FrameReport
  }

  /// Everything a prediction needs, as the contents of a `.safetensors` file.
  public func modelFile() throws(DataError) -> SafeTensorsFile {
    try ModelFile.contents(
      of: frameNetwork, kind: Self.kind, description: Description(plan: plan, report: report))
  }

  /// Rebuilds a predictor from what ``modelFile()`` gave; its answers are the same to the last bit.
  ///
  /// - Throws: What ``ModelFile/read(_:path:kind:description:layers:)`` throws; `damagedModel` when the parts do not
  ///   fit together.
  public init(modelFile: SafeTensorsFile, path: String? = nil) throws(DataError) {
    let contents = try ModelFile.read(modelFile, path: path, kind: Self.kind, description: Description.self)
    let description = contents.description
    if let fault = description.plan.fault {
      throw contents.damaged("the model's numbers contradict each other: \(fault)")
    }
    try contents.checkSize(description.plan.weightCount)
    var generator = RandomGenerator(seed: 0)
    var network = FrameNetwork(description.plan, using: &generator)
    try contents.load(into: &network)
    self.init(plan: description.plan, frameNetwork: network, report: description.report)
  }
}
