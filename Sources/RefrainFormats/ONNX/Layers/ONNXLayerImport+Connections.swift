import Refrain
import RefrainData

// Values that come to one from several layers: levels of a stack with connections between them, and attention.

extension ONNXLayerImport {
  /// x + y, with y a level on x.
  func residual(_ node: ONNXNode, _ one: ONNXStream, _ other: ONNXStream) -> ONNXStream? {
    guard node.operation == "Add" else { return nil }
    for (below, above) in [(one, other), (other, one)] {
      guard let level = level(.residual, of: above, on: below) else { continue }
      return above.replacingLast(.level(level), at: result(of: node))
    }
    return nil
  }

  /// x + t (y − x), with t = σ(W x + b) and y a level on x.
  func highway(_ node: ONNXNode) -> ONNXStream? {
    guard node.operation == "Add", node.inputs.count == 2, let x = node.inputs[0], let product = maker(of: node, 1),
      product.operation == "Mul", let difference = maker(of: product, 1), difference.operation == "Sub",
      difference.inputs.count == 2, difference.inputs[1] == x,
      let below = stream(x), let above = stream(difference.inputs[0]), let gate = stream(product.inputs[0]),
      case .dense(let weight, let bias, .sigmoid) = gate.layers.last, gate.layers.below.isIdentical(to: below.layers),
      gate.axes == below.axes, var level = level(.highway, of: above, on: below),
      weight.shape == [level.recurrent.width, level.recurrent.width]
    else { return nil }
    var highway = Dense(weight.shape[0], activation: .sigmoid)
    (highway.weight, highway.bias) = (weight, bias ?? .zeros([weight.shape[0]]))
    level.highway = highway
    return above.replacingLast(.level(level), at: result(of: node))
  }

  /// The hidden state of an LSTM whose steps are the levels of a stack: for each level the operator on all places at
  /// once.
  mutating func depthWise(_ node: ONNXNode) -> ONNXStream? {
    guard node.operation == "Reshape", let step = maker(of: node, 0), step.operation == "LSTM", step.outputs.count > 1,
      step.outputs[1] == node.inputs[0], let above = stream(rowsOf: step, 0), isUsualStep(step)
    else { return nil }
    let states = step.inputs.dropFirst(5)
    if states.allSatisfy({ $0 == nil }) {
      guard case .recurrent(let lowest) = above.layers.last, lowest.isLevel, let (_, cells) = cells(step),
        cells.count == 1, let cell = cells[0] as? LSTMCell, cell.inputSize == lowest.width,
        cell.hiddenSize == lowest.width
      else { return nil }
      let level = ImportedLevel(recurrent: lowest, connection: .depthWise, depth: cell)
      return above.replacingLast(.level(level), at: result(of: node))
    }
    // The state of the level below, and the same weights.
    guard states.count == 2, let below = stream(rowsOf: step, 5), let rows = maker(of: step, 5),
      let lower = maker(of: rows, 0).flatMap({ maker(of: $0, 0) }), lower.operation == "LSTM", lower.outputs.count > 2,
      lower.outputs[2] == step.inputs[6], lower.inputs.prefix(4).dropFirst() == step.inputs.prefix(4).dropFirst(),
      let level = level(.depthWise, of: above, on: below)
    else { return nil }
    return above.replacingLast(.level(level), at: result(of: node))
  }

  /// Σ a_t h_t with a = softmax(vᵀ tanh(W h + b)) over the steps.
  func pooling(_ node: ONNXNode) -> ONNXStream? {
    guard node.operation == "MatMul", node.inputs.count == 2, let values = stream(node.inputs[1]),
      values.axes == [.batch, .time, .feature], !values.isReversed, let turned = maker(of: node, 0),
      turned.operation == "Transpose",
      turned.integers("perm") == [0, 2, 1], var softmax = maker(of: turned, 0)
    else { return nil }
    // What is not there has no weight.
    if softmax.operation == "Where", let masked = maker(of: softmax, 1) { softmax = masked }
    guard softmax.operation == "Softmax", softmax.integer("axis") == 1, let scores = stream(softmax.inputs[0]),
      case .dense(let score, nil, .identity) = scores.layers.last,
      case .dense(let weight, let bias, .tanh) = scores.layers.below.last,
      scores.layers.below.below.isIdentical(to: values.layers), scores.axes == values.axes, !scores.isReversed,
      score.shape == [1, weight.shape[0]]
    else { return nil }
    let size = weight.shape[0]
    var layer = AttentionPooling(size: size)
    layer.hidden = Dense(size, activation: .tanh)
    (layer.hidden.weight, layer.hidden.bias, layer.weightScore) = (weight, bias ?? .zeros([size]), score)
    var result = values.adding(.other(layer, isPerStep: false), at: result(of: node))
    result?.axes = [.batch, .single, .feature]
    return result
  }

  // MARK: - Parts

  /// The last layer of `above` as a level on that of `below`, which shows the same steps.
  private func level(_ connection: Connection, of above: ONNXStream, on below: ONNXStream) -> ImportedLevel? {
    guard above.axes == below.axes, above.isReversed == below.isReversed, above.half == nil,
      !above.axes.contains(.direction),
      case .recurrent(let upper) = above.layers.last, above.layers.below.haveSameLevels(as: below.layers)
    else { return nil }
    let lower: ImportedRecurrent
    switch below.layers.last {
    case .recurrent(let lowest) where connection != .depthWise: lower = lowest
    case .level(let level) where level.connection == connection: lower = level.recurrent
    default: return nil
    }
    guard upper.returning == lower.returning, upper.fits(on: lower) else { return nil }
    return ImportedLevel(recurrent: upper, connection: connection)
  }

  private func stream(_ slot: Int?) -> ONNXStream? {
    guard let slot, case .stream(let stream) = meanings[slot] else { return nil }
    return stream
  }

  /// The stream whose rows `[1, N, W]` are an input.
  private func stream(rowsOf node: ONNXNode, _ index: Int) -> ONNXStream? {
    guard let rows = maker(of: node, index), rows.operation == "Reshape", let shape = constant(rows, 1)?.integers,
      shape.count == 3, shape[0] == 1, shape[1] == -1
    else { return nil }
    return stream(rows.inputs[0])
  }

  /// Whether an operator goes forward, without lengths.
  private func isUsualStep(_ node: ONNXNode) -> Bool {
    node.inputs.count > 3 && (node.inputs.count <= 4 || node.inputs[4] == nil)
      && node.string("direction") ?? "forward" == "forward"
  }
}
