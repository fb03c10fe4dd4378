import Refrain
import RefrainData

/// A value of a graph that is the output of layers, and how it lies in memory.
struct ONNXStream {
  /// What an axis goes over.
  enum Axis { case batch, time, direction, feature, other, single }

  /// The layers that make it of the model's input.
  var layers = ImportedLayers()
  var axes: [Axis]
  /// The place of the value that it was before it was only moved about.
  var source: Int
  /// The direction that is left of two; nil while both are there, or there is one.
  var half: Int?
  /// The ``source`` whose sigmoid it is, if it is one.
  var sigmoidOf: Int?
  /// Whether one of the layers finds which steps there are.
  var findsSteps = false
  /// Whether the steps stand in reverse.
  var isReversed = false

  /// How many directions the last layer has.
  private var directions: Int {
    guard case .recurrent(let layer) = layers.last else { return 1 }
    return layer.cells.count
  }

  /// The value with one layer more, which reads each place along the last axis.
  func adding(_ layer: ImportedLayer, at slot: Int) -> ONNXStream? {
    guard var stream = settled, stream.axes.last == .feature else { return nil }
    if case .other(_, isPerStep: false) = layer, isReversed { return nil }
    guard stream.layers.append(layer) else { return nil }
    stream.source = slot
    stream.sigmoidOf = nil
    return stream
  }

  /// The value with its last layer replaced by one that does more.
  func replacingLast(_ layer: ImportedLayer, at slot: Int) -> ONNXStream {
    var stream = self
    stream.layers.last = layer
    stream.source = slot
    stream.sigmoidOf = nil
    return stream
  }

  /// The value as the next layer may take it: with the directions of a recurrent layer apart where nothing joined them.
  var settled: ONNXStream? {
    var stream = self
    guard half == nil, !axes.contains(.single) else { return nil }
    guard let axis = axes.firstIndex(of: .direction) else { return stream }
    guard directions == 2, axis == axes.count - 2 else { return nil }
    stream.axes[axis] = .other
    return stream.merging(.separate)
  }

  /// The value with the axes in another order.
  func transposed(_ order: [Int]) -> ONNXStream? {
    guard order.sorted() == Array(axes.indices) else { return nil }
    var stream = self
    stream.axes = order.map { axes[$0] }
    return stream
  }

  /// The value without axes of size 1.
  func squeezed(_ removed: Set<Int>) -> ONNXStream? {
    let isPossible = removed.allSatisfy { axis in
      axes.indices.contains(axis) && (axes[axis] == .single || axes[axis] == .direction && directions == 1)
    }
    guard isPossible else { return nil }
    var stream = self
    stream.axes = axes.indices.filter { !removed.contains($0) }.map { axes[$0] }
    return stream
  }

  /// The value in a shape of one axis less: the directions side by side, or a single one not shown.
  func joiningDirections() -> ONNXStream? {
    guard let axis = axes.firstIndex(of: .direction) ?? axes.firstIndex(of: .single) else { return nil }
    if let stream = squeezed([axis]) { return stream }
    guard axis == axes.count - 2 else { return nil }
    return merging(.concatenate, removing: axis)
  }

  /// The value whose last layer joins its directions so, and which has an axis less.
  func merging(_ merge: Merge, removing axis: Int? = nil) -> ONNXStream? {
    guard case .recurrent(var layer) = layers.last, layer.cells.count == 2, layer.merge == nil else { return nil }
    layer.merge = merge
    var stream = self
    stream.layers.last = .recurrent(layer)
    stream.half = nil
    if let axis { stream.axes.remove(at: axis) }
    return stream
  }

  /// What stands at one index of an axis.
  ///
  /// - Parameter keepingAxis: whether it is left with size 1.
  func at(_ index: Int, axis: Int, keepingAxis: Bool) -> ONNXStream? {
    guard axes.indices.contains(axis) else { return nil }
    var stream = self
    switch axes[axis] {
    case .time:
      // In reverse the first step is the last.
      guard let last = stream.lastStep(isReversed ? -1 - index : index) else { return nil }
      stream = last
      stream.isReversed = false
    case .direction:
      let (count, index) = (directions, index < 0 ? index + directions : index)
      guard (0..<count).contains(index) else { return nil }
      if count > 1 { stream.half = index }
    case .single: guard index == 0 || index == -1 else { return nil }
    default: return nil
    }
    if keepingAxis { stream.axes[axis] = .single } else { stream.axes.remove(at: axis) }
    return stream
  }

  /// The value where the recurrent layer shows its last step alone, when that is what stands at an index of the time.
  /// What comes between reads each step alone.
  private func lastStep(_ index: Int) -> ONNXStream? {
    var (before, after) = (layers, [ImportedLayer]())
    while let layer = before.last {
      switch layer {
      case .dense, .other(_, isPerStep: true): after.append(layer)
      case .other: return nil
      case .recurrent, .level:
        guard let last = layer.showingLastStep(index) else { return nil }
        before.last = last
        for layer in after.reversed() { _ = before.append(layer) }
        var stream = self
        stream.layers = before
        return stream
      }
      before.last = nil
    }
    return nil
  }
}

/// Layers found in a graph, from the first to the last. Values that lie on one way share what they have in common.
struct ImportedLayers {
  /// More than any model has, so that no file can ask for more.
  private static let most = 1000

  private final class Link: Sendable {
    let layer: ImportedLayer
    let before: Link?
    let count: Int

    init(_ layer: ImportedLayer, after before: Link?) {
      (self.layer, self.before, count) = (layer, before, (before?.count ?? 0) + 1)
    }
  }

  private var link: Link?

  var isEmpty: Bool { link == nil }
  var count: Int { link?.count ?? 0 }

  /// The last layer; setting it replaces it, or takes it away.
  var last: ImportedLayer? {
    get { link?.layer }
    set { link = newValue.map { Link($0, after: link?.before) } ?? link?.before }
  }

  /// Adds a layer, unless there are too many.
  mutating func append(_ layer: ImportedLayer) -> Bool {
    guard count < Self.most else { return false }
    link = Link(layer, after: link)
    return true
  }

  /// All but the last.
  var below: ImportedLayers {
    var layers = self
    layers.last = nil
    return layers
  }

  /// Whether these are the same found once, not others that are alike.
  func isIdentical(to other: ImportedLayers) -> Bool { link === other.link }

  /// Whether these are the same recurrent levels on the same layers, whichever of their steps each shows.
  func haveSameLevels(as other: ImportedLayers) -> Bool {
    guard let level = last?.recurrent, let second = other.last?.recurrent else { return false }
    return level.node == second.node && below.isIdentical(to: other.below)
  }

  /// All of them.
  var all: [ImportedLayer] {
    var (layers, link) = ([ImportedLayer](), link)
    while let next = link {
      layers.append(next.layer)
      link = next.before
    }
    return layers.reversed()
  }
}

/// A layer found in a graph.
enum ImportedLayer: Sendable {
  case recurrent(ImportedRecurrent)
  case level(ImportedLevel)
  /// `[O, I]`; a bias that has not come yet is nil.
  case dense(weight: Tensor, bias: Tensor?, activation: Activation)
  case other(any Layer, isPerStep: Bool)

  /// The recurrent operator that it is, be it a level of a stack.
  var recurrent: ImportedRecurrent? {
    switch self {
    case .recurrent(let recurrent): recurrent
    case .level(let level): level.recurrent
    default: nil
    }
  }

  /// A recurrent layer that shows its last step in place of every step, if that is what stands at an index of the time.
  func showingLastStep(_ index: Int) -> ImportedLayer? {
    switch self {
    case .recurrent(var layer):
      let last = layer.direction == .forward ? -1 : 0
      guard layer.cells.count == 1, index == last, layer.returning == .everyStep else { return nil }
      layer.returning = .lastStep
      return .recurrent(layer)
    case .level(var level):
      guard case .recurrent(let last) = ImportedLayer.recurrent(level.recurrent).showingLastStep(index) else {
        return nil
      }
      level.recurrent = last
      return .level(level)
    default: return nil
    }
  }

  /// The layer itself.
  var layer: any Layer {
    get throws(DataError) {
      switch self {
      case .recurrent(let recurrent): return try recurrent.layer
      case .level(let level): return try level.recurrent.layer
      case .dense(let weight, let bias, let activation):
        var dense = Dense(weight.shape[0], activation: activation)
        dense.weight = weight
        dense.bias = bias ?? .zeros([weight.shape[0]])
        return dense
      case .other(let layer, _): return layer
      }
    }
  }
}
