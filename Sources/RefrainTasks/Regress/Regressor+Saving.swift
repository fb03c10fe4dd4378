import Refrain
import RefrainData

extension Regressor {
  /// What a saved regressor needs besides its tensors.
  private struct Description: Codable {
    let model: ColumnModel.Description
    let scale: NumberHead
    let residuals: Residuals
    let hasBaseline: Bool

    /// What is wrong with what somebody may have forged; nil where answers can be made of it.
    var fault: String? {
      if let fault = model.fault { return fault }
      return scale.isSound && residuals.isSound ? nil : "the scale cannot be"
    }
  }

  /// Everything an answer needs, as the contents of a `.safetensors` file.
  public func modelFile() throws(DataError) -> SafeTensorsFile {
    let description = Description(
      model: model.description, scale: scale, residuals: residuals, hasBaseline: baseline != nil)
    return try ModelFile.contents(
      of: ColumnTensors(networks: model.networks, baseline: baseline), kind: Self.kind, description: description)
  }

  /// Rebuilds a regressor from what ``modelFile()`` gave; its answers are the same to the last bit.
  public init(modelFile: SafeTensorsFile, path: String? = nil) throws(DataError) {
    let contents = try ModelFile.read(modelFile, path: path, kind: Self.kind, description: Description.self)
    let description = contents.description
    if let fault = description.fault { throw contents.damaged("the model's numbers contradict each other: \(fault)") }
    let columns = description.model.columns
    try contents.checkSize(
      description.model.weightCount(outputSize: 1) + (description.hasBaseline ? Double(columns.bagSize) : 0))
    var tensors = ColumnTensors(
      networks: description.model.networks(outputSize: 1),
      baseline: description.hasBaseline ? RidgeRegression(columns) : nil)
    try contents.load(into: &tensors)
    self.init(
      model: ColumnModel(description.model, networks: tensors.networks), scale: description.scale,
      residuals: description.residuals, baseline: tensors.baseline)
  }
}
