import Refrain
import RefrainData

// Nodes that only move values about.

extension ONNXLayerImport {
  /// The results of a node that is no layer of its own; nil where it is something else.
  func moved(_ node: ONNXNode, _ streams: [ONNXStream]) -> [ONNXStream]? {
    guard streams.count == 1 else { return nil }
    let stream = streams[0]
    func one(_ stream: ONNXStream?) -> [ONNXStream]? { stream.map { [$0] } }
    switch node.operation {
    case "Identity", "Dropout", "Cast", "CastLike": return node.outputs.count == 1 ? [stream] : nil
    // A mask by lengths, which a layer is told of, or the state before a sequence without steps.
    case "Where": return isGiven(node, 0, to: stream) ? [stream] : nil
    // Steps side by side, or where they stood: a layer is told of gaps.
    case "GatherND":
      let isOrdered = stream.axes.prefix(2) == [.batch, .time] && node.integer("batch_dims") == 1
      guard isOrdered, stream.findsSteps, node.inputs.count == 2, case .steps = node.inputs[1].flatMap({ meanings[$0] })
      else { return nil }
      return [stream]
    case "Transpose": return one(stream.transposed(node.integers("perm") ?? stream.axes.indices.reversed()))
    case "Squeeze":
      let axes = integers(node, "axes", orInput: 1).map { $0.map { $0 < 0 ? $0 &+ stream.axes.count : $0 } }
      return one(stream.squeezed(Set(axes ?? stream.axes.indices.filter { stream.axes[$0] == .single })))
    case "Reshape": return one(joiningDirections(node, stream))
    case "Gather": return one(gathered(node, stream))
    case "Slice": return one(reversed(node, stream) ?? sliced(node, stream))
    case "ReverseSequence":
      let (time, batch) = (node.integer("time_axis") ?? 0, node.integer("batch_axis") ?? 1)
      guard stream.axes.indices.contains(time), stream.axes.indices.contains(batch), stream.axes[time] == .time,
        stream.axes[batch] == .batch, node.inputs.count == 2, isGiven(node, 1, to: stream)
      else { return nil }
      return one(reversing(node, stream))
    case "Split": return split(node, stream)
    default: return nil
    }
  }

  /// Whether an input says which steps there are, as a layer that takes the stream would know.
  private func isGiven(_ node: ONNXNode, _ index: Int, to stream: ONNXStream) -> Bool {
    guard let slot = node.inputs[index], let meaning = meanings[slot] else { return false }
    if case .given = meaning { return true }
    // What was found in the stream itself is a layer's to say, which this then is not.
    if case .test(let test) = meaning, test.source == stream.source { return false }
    return meaning.isOfSteps && stream.findsSteps
  }

  /// Both directions side by side, or the only one without its axis. A shape that is computed is taken to be this one.
  private func joiningDirections(_ node: ONNXNode, _ stream: ONNXStream) -> ONNXStream? {
    guard let joined = stream.joiningDirections() else { return nil }
    let shape = constant(node, 1)?.integers
    guard shape?.count ?? joined.axes.count == joined.axes.count else { return nil }
    return joined
  }

  private func gathered(_ node: ONNXNode, _ stream: ONNXStream) -> ONNXStream? {
    guard let indices = constant(node, 1), let index = indices.integers?.first, indices.count == 1, indices.rank <= 1
    else { return nil }
    let axis = node.integer("axis") ?? 0
    return stream.at(index, axis: axis < 0 ? axis &+ stream.axes.count : axis, keepingAxis: indices.rank == 1)
  }

  /// A slice of one index along one axis.
  private func sliced(_ node: ONNXNode, _ stream: ONNXStream) -> ONNXStream? {
    guard let starts = integers(node, "starts", orInput: 1), let ends = integers(node, "ends", orInput: 2),
      starts.count == 1, ends.count == 1
    else { return nil }
    let axes = integers(node, "axes", orInput: 3) ?? [0]
    let steps = constant(node, 4)?.integers ?? [1]
    let (start, end) = (starts[0], ends[0])
    let isLast = start == -1 && end > 1 << 30
    guard axes.count == 1, steps == [1], isLast || start >= 0 && end == start &+ 1 else { return nil }
    let axis = axes[0] < 0 ? axes[0] &+ stream.axes.count : axes[0]
    return stream.at(start, axis: axis, keepingAxis: true)
  }

  /// All steps in reverse.
  private func reversed(_ node: ONNXNode, _ stream: ONNXStream) -> ONNXStream? {
    guard constant(node, 4)?.integers == [-1], let starts = integers(node, "starts", orInput: 1), starts == [-1],
      let ends = integers(node, "ends", orInput: 2), ends.count == 1, ends[0] < -(1 << 30),
      let axes = integers(node, "axes", orInput: 3), axes.count == 1
    else { return nil }
    let axis = axes[0] < 0 ? axes[0] &+ stream.axes.count : axes[0]
    guard stream.axes.indices.contains(axis), stream.axes[axis] == .time else { return nil }
    return reversing(node, stream)
  }

  private func reversing(_ node: ONNXNode, _ stream: ONNXStream) -> ONNXStream {
    var reversed = stream
    reversed.isReversed.toggle()
    reversed.source = result(of: node)
    return reversed
  }

  /// The two directions, each alone.
  private func split(_ node: ONNXNode, _ stream: ONNXStream) -> [ONNXStream]? {
    let axis = node.integer("axis") ?? 0
    let parts = (0..<2).compactMap {
      stream.at($0, axis: axis < 0 ? axis &+ stream.axes.count : axis, keepingAxis: true)
    }
    let sizes = integers(node, "split", orInput: 1)
    guard node.outputs.count == 2, parts.count == 2, parts[0].half != nil, sizes ?? [1, 1] == [1, 1] else { return nil }
    return parts
  }
}
