import Refrain
import RefrainData

// What a node makes of a value that comes from layers.

extension ONNXLayerImport {
  /// What the results of a node are, of whose inputs some are streams; nothing where it is no layer.
  mutating func layer(_ node: ONNXNode, _ inputs: [Meaning?], _ streams: [ONNXStream]) -> [Meaning] {
    if let moved = moved(node, streams) { return moved.map { .stream($0) } }
    let slot = result(of: node)
    let stream = streams[0]
    // Whatever else follows is a layer of one stream, or joins two.
    if streams.count == 2 {
      let found =
        joined(node, streams[0], streams[1]) ?? paired(node, streams[0], streams[1]) ?? activated(node, streams)
        ?? residual(node, streams[0], streams[1])
      return found.map { [.stream($0)] } ?? []
    }
    guard streams.count == 1 else { return [] }
    let result: ONNXStream?
    switch node.operation {
    case "LSTM", "GRU", "RNN": return recurrent(node, stream)
    case "MatMul": result = dense(node, stream, at: slot)
    case "Gemm": result = generalDense(node, stream, at: slot)
    case "Add": result = biased(node, stream, at: slot)
    case "Mul": result = scaled(node, stream)
    case "Gather": result = embedding(node, stream, at: slot)
    case "LayerNormalization": result = normalized(node, stream, at: slot)
    case "Conv": result = convolution(node, stream, at: slot)
    case "ReduceSum", "ReduceMean", "ReduceProd": result = reduced(node, stream)
    case "Flatten":
      guard node.integer("axis") ?? 1 == 1, stream.axes.first == .batch else { return [] }
      result = reshaped(stream, Flatten(), axes: [.batch, .feature], at: slot)
    case "Reshape": result = arranged(node, stream, at: slot)
    case "Softmax", "LogSoftmax":
      let axis = node.integer("axis") ?? (node.opset < 13 ? 1 : -1)
      let function: Activation = node.operation == "Softmax" ? .softmax : .logSoftmax
      result = axis == -1 || axis == stream.axes.count - 1 ? activated(stream, function, at: slot) : nil
    case "Tanh": result = activated(stream, .tanh, at: slot)
    case "Relu": result = activated(stream, .relu, at: slot)
    case "Softplus": result = activated(stream, .softplus, at: slot)
    case "Gelu":
      result = activated(stream, node.string("approximate") == "tanh" ? .gelu : .geluExact, at: slot)
    case "Sigmoid":
      // Or the half of a silu or a gelu.
      var gate = activated(stream, .sigmoid, at: slot)
      gate?.sigmoidOf = stream.source
      result = gate
    default: result = function(node).flatMap { activated(stream, $0, at: slot) }
    }
    return result.map { [.stream($0)] } ?? []
  }

  // MARK: - Dense layers

  /// x · W, with W `[I, O]`.
  private mutating func dense(_ node: ONNXNode, _ stream: ONNXStream, at slot: Int) -> ONNXStream? {
    guard let weight = constant(node, 1)?.tensor, weight.rank == 2, weight.count > 0, afford(weight.count) else {
      return nil
    }
    return stream.adding(.dense(weight: weight.transposed, bias: nil, activation: .identity), at: slot)
  }

  /// α x W + β b, with W `[I, O]` or, transposed, `[O, I]`.
  private mutating func generalDense(_ node: ONNXNode, _ stream: ONNXStream, at slot: Int) -> ONNXStream? {
    guard let given = constant(node, 1)?.tensor, given.rank == 2, given.count > 0, node.integer("transA") ?? 0 == 0
    else {
      return nil
    }
    let weight = (node.integer("transB") ?? 0 == 0 ? given.transposed : given) * (node.float("alpha") ?? 1)
    var bias = Tensor.zeros([weight.shape[0]])
    if node.inputs.count > 2, node.inputs[2] != nil {
      guard let values = row(constant(node, 2), of: weight.shape[0]) else { return nil }
      bias = values * (node.float("beta") ?? 1)
    }
    return stream.adding(.dense(weight: weight, bias: bias, activation: .identity), at: slot)
  }

  /// x + b, after x · W.
  private func biased(_ node: ONNXNode, _ stream: ONNXStream, at slot: Int) -> ONNXStream? {
    guard case .dense(let weight, nil, .identity) = stream.layers.last,
      let bias = row(constant(node, 0) ?? constant(node, 1), of: weight.shape[0])
    else { return nil }
    return stream.replacingLast(.dense(weight: weight, bias: bias, activation: .identity), at: slot)
  }

  /// A constant as a row of `size` values, which a single one is too.
  private func row(_ value: ONNXValue?, of size: Int) -> Tensor? {
    guard let tensor = value?.tensor, tensor.rank <= 1 || tensor.shape.dropLast().allSatisfy({ $0 == 1 }) else {
      return nil
    }
    if tensor.count == 1 { return Tensor(repeating: tensor.values[0], shape: [size]) }
    return tensor.count == size ? tensor.reshaped([size]) : nil
  }

  // MARK: - Other layers

  private func embedding(_ node: ONNXNode, _ stream: ONNXStream, at slot: Int) -> ONNXStream? {
    guard let weight = constant(node, 0)?.tensor, weight.rank == 2, weight.count > 0, node.integer("axis") ?? 0 == 0,
      stream.layers.isEmpty, !stream.axes.contains(.feature)
    else { return nil }
    let maskZero = tokensTested.contains(stream.source) && stream.axes == [.batch, .time]
    var layer = Embedding(weight.shape[0], weight.shape[1], maskZero: maskZero)
    layer.weight = weight
    var result = stream
    if maskZero { result.findsSteps = true }
    guard result.layers.append(.other(layer, isPerStep: true)) else { return nil }
    result.axes.append(.feature)
    result.source = slot
    return result
  }

  private func normalized(_ node: ONNXNode, _ stream: ONNXStream, at slot: Int) -> ONNXStream? {
    let axis = node.integer("axis") ?? -1
    guard axis == -1 || axis == stream.axes.count - 1, let weight = constant(node, 1)?.tensor, weight.rank == 1,
      weight.count > 0
    else { return nil }
    var layer = LayerNorm(size: weight.count, epsilon: node.float("epsilon") ?? 1e-5)
    layer.weight = weight
    if node.inputs.count > 2 {
      guard let bias = constant(node, 2)?.tensor, bias.shape == weight.shape else { return nil }
      layer.bias = bias
    }
    return stream.adding(.other(layer, isPerStep: true), at: slot)
  }

  /// A convolution over time, of which no two taps lie apart.
  private mutating func convolution(_ node: ONNXNode, _ stream: ONNXStream, at slot: Int) -> ONNXStream? {
    guard stream.axes == [.batch, .feature, .time], let given = constant(node, 1)?.tensor, given.rank == 3,
      given.count > 0, afford(given.count), node.integer("group") ?? 1 == 1,
      node.string("auto_pad") ?? "NOTSET" == "NOTSET",
      (node.integers("dilations") ?? [1]) == [1], let stride = (node.integers("strides") ?? [1]).first, stride > 0
    else { return nil }
    let (filters, kernel) = (given.shape[0], given.shape[2])
    let padding: Conv1D.Padding
    switch node.integers("pads") ?? [0, 0] {
    case [0, 0]: padding = .valid
    case [(kernel - 1) / 2, kernel / 2] where stride == 1: padding = .same
    case [kernel - 1, 0]: padding = .causal
    default: return nil
    }
    var layer = Conv1D(filters, kernel: kernel, stride: stride, padding: padding)
    layer.weight = given.transposed([0, 2, 1])
    layer.bias = .zeros([filters])
    if node.inputs.count > 2, node.inputs[2] != nil {
      guard let bias = constant(node, 2)?.tensor, bias.shape == [filters] else { return nil }
      layer.bias = bias
    }
    guard var result = stream.settled, !result.isReversed,
      result.layers.append(.other(layer, isPerStep: false))
    else { return nil }
    result.source = slot
    result.sigmoidOf = nil
    return result
  }

  /// A reshaping that keeps the batch.
  private func arranged(_ node: ONNXNode, _ stream: ONNXStream, at slot: Int) -> ONNXStream? {
    guard let shape = constant(node, 1)?.integers, shape.first == 0, stream.axes.first == .batch, shape.count > 1 else {
      return nil
    }
    if shape == [0, -1] { return reshaped(stream, Flatten(), axes: [.batch, .feature], at: slot) }
    guard shape.dropFirst().allSatisfy({ $0 > 0 }), elementCount(of: Array(shape.dropFirst())) ?? .max <= 1 << 28 else {
      return nil
    }
    var axes = [ONNXStream.Axis](repeating: .other, count: shape.count)
    axes[0] = .batch
    axes[shape.count - 1] = .feature
    if shape.count == 3 { axes[1] = .time }
    return reshaped(stream, Reshape(Array(shape.dropFirst())), axes: axes, at: slot)
  }

  private func reshaped(
    _ stream: ONNXStream, _ layer: any Layer, axes: [ONNXStream.Axis], at slot: Int
  ) -> ONNXStream? {
    guard var result = stream.settled, !result.isReversed,
      result.layers.append(.other(layer, isPerStep: false))
    else { return nil }
    result.axes = axes
    result.source = slot
    result.sigmoidOf = nil
    return result
  }
}
