import Refrain
import RefrainData

/// How a tensor of a model stands in PyTorch's state dictionaries. It follows from the names of the model's walk, which
/// are PyTorch's but for the biases: PyTorch has two of a recurrent layer, and Refrain their sum; of a GRU the part of
/// the candidate stays apart, since it stands within the product with the reset gate.
enum TorchTensor {
  /// The same values.
  case same(TensorName)
  /// A one-dimensional convolution's weight, there `[O, I, K]` and here `[O, K, I]`.
  case convolution(TensorName)
  /// The sum of two biases; of a GRU without the last third of the second.
  case bias(TensorName, TensorName, isGRU: Bool)
  /// The last third of a GRU's second bias.
  case candidateBias(TensorName)

  /// The stems of the tensors that PyTorch's layers have.
  private static let stems: Set<String> = [
    "weight", "bias", "weight_ih", "weight_hh", "weight_hr", "bias_ih", "bias_hn", "running_mean", "running_var",
  ]

  /// The tensors of a model, in the order of its walk: its own name, the tensor, and where PyTorch has it.
  ///
  /// - Parameters:
  ///   - model: the model.
  ///   - naming: the modules of the model that have another name in PyTorch.
  ///   - cells: the modules of the model that are cells there.
  /// - Throws: `unsupportedContent` where PyTorch has no such layer.
  static func of(
    _ model: some TensorGroup, naming: [String: String], cells: Set<String> = []
  ) throws(DataError) -> [(name: String, tensor: Tensor, there: TorchTensor)] {
    if let layer = model as? any Layer { try check(layer) }
    if let cell = model as? any RecurrentCell { try check(cell: type(of: cell).name) }
    let tensors = model.namedTensors
    let shapes = Dictionary(tensors.map { ($0.name, $0.tensor.shape) }) { first, _ in first }
    var widths: [String: [Int]] = [:]
    var result: [(name: String, tensor: Tensor, there: TorchTensor)] = []
    for (name, tensor) in tensors {
      let own = TensorName(name)
      let layer = own.renamed(by: naming)
      let there = cells.contains(own.module) && own.suffix == "_l0" ? layer.ofCell : layer
      let isGRU = shapes[own.with(stem: "bias_hn").text] != nil
      guard stems.contains(own.stem), own.stem != "bias_ih" || isGRU || hasTwoBiases(own, shapes) else {
        throw missing("tensor \(name)")
      }
      if own.stem == "weight_hh" {
        let width = widths[own.module, default: tensor.shape]
        guard width == tensor.shape else { throw missing("stack of levels that differ in width") }
        widths[own.module] = width
      }
      let kind: TorchTensor =
        switch own.stem {
        case "weight" where tensor.rank == 3: .convolution(there)
        case "bias_ih": .bias(there, there.with(stem: "bias_hh"), isGRU: isGRU)
        case "bias_hn": .candidateBias(there.with(stem: "bias_hh"))
        default: .same(there)
        }
      result.append((name, tensor, kind))
    }
    return result
  }

  /// Whether the bias is that of an LSTM or a simple RNN: three blocks without a second bias are a GRU of another kind.
  private static func hasTwoBiases(_ bias: TensorName, _ shapes: [String: [Int]]) -> Bool {
    guard let rows = shapes[bias.text], let recurrent = shapes[bias.with(stem: "weight_hh").text],
      rows.count == 1, recurrent.count == 2, recurrent[0] == rows[0]
    else { return false }
    let isProjected = shapes[bias.with(stem: "weight_hr").text] != nil
    return isProjected || [1, 4].contains { rows[0] == $0 * recurrent[1] }
  }
}

// MARK: - Which layers PyTorch has

extension TorchTensor {
  private static let cells: [any RecurrentCell.Type] = [
    LSTMCell.self, GRUCell.self, TanhRNNCell.self, ReLURNNCell.self, ProjectedLSTMCell.self,
  ]
  private static let kinds = Set(
    [Dense.kind, Embedding.kind, LayerNorm.kind, BatchNorm.kind, Conv1D.kind]
      + cells.flatMap { cell in Layers.layers(of: cell).map { $0.kind } })

  /// Layers without tensors do no harm, and of one's own layers only the owner knows.
  private static func check(_ layer: any Layer) throws(DataError) {
    if let model = layer as? Sequential {
      for layer in model.layers { try check(layer) }
      return
    }
    let kind = type(of: layer).kind
    let isKnown = Layers.named(kind) != nil || layer is any RecurrentLayer
    guard kinds.contains(kind) || !isKnown || layer.tensors.isEmpty else { throw missing("layer \(kind)") }
  }

  private static func check(cell: String) throws(DataError) {
    guard cells.contains(where: { $0.name == cell }) else { throw missing("cell \(cell)") }
  }

  private static func missing(_ what: String) -> DataError {
    DataError(
      .unsupportedContent, "PyTorch's layers have no counterpart to the \(what.onOneLine)",
      remedy: "use LSTM, GRU, RNN, Dense, Embedding, LayerNorm, BatchNorm or Conv1D")
  }
}
