import Refrain
import RefrainData

// Convolution and pooling over one to three axes.

/// How a window moves over the axes behind the channels.
struct ONNXWindow {
  var kernel: [Int]
  var strides: [Int]
  var dilations: [Int]
  var before: [Int]
  var after: [Int]
  var output: [Int]

  /// - Parameters:
  ///   - call: the node with its attributes.
  ///   - shape: that of the input, `[N, C, size…]`.
  ///   - kernel: the sizes of the window.
  init(_ call: ONNXCall, _ shape: [Int], kernel: [Int]) throws(DataError) {
    let axes = shape.count - 2
    func numbers(_ name: String, _ count: Int, _ absent: Int, least: Int) throws(DataError) -> [Int] {
      let values = call.node.integers(name) ?? Array(repeating: absent, count: count)
      guard values.count == count, values.allSatisfy({ $0 >= least && $0 <= 1 << 24 }) else {
        throw call.fault("its \(name) are \(values), expected \(count) of at least \(least)")
      }
      return values
    }
    guard (1...3).contains(axes), kernel.count == axes, kernel.allSatisfy({ $0 > 0 && $0 <= 1 << 24 }) else {
      throw call.fault("an input of shape \(shape) and a kernel of \(kernel) do not fit each other")
    }
    try call.checkSize(kernel)
    self.kernel = kernel
    strides = try numbers("strides", axes, 1, least: 1)
    dilations = try numbers("dilations", axes, 1, least: 1)
    let pads = try numbers("pads", 2 * axes, 0, least: 0)
    (before, after) = (Array(pads[..<axes]), Array(pads[axes...]))
    let reach = zip(kernel, dilations).map { ($0 - 1) * $1 + 1 }
    let mode = call.node.string("auto_pad") ?? "NOTSET"
    if mode == "SAME_UPPER" || mode == "SAME_LOWER" {
      for axis in 0..<axes {
        let extent = shape[axis + 2]
        let outputs = (extent + strides[axis] - 1) / strides[axis]
        let total = max(0, (outputs - 1) * strides[axis] + reach[axis] - extent)
        (before[axis], after[axis]) = (total / 2, total - total / 2)
        if mode == "SAME_LOWER" { swap(&before[axis], &after[axis]) }
      }
    }
    output = []
    for axis in 0..<axes {
      let room = shape[axis + 2] + before[axis] + after[axis] - reach[axis]
      guard room >= 0 else {
        throw call.fault("a kernel of \(kernel) does not fit into an input of shape \(shape)")
      }
      output.append(room / strides[axis] + 1)
    }
    try call.checkSize(output)
  }

  /// For each output and each tap of the kernel, where in one `[size…]` plane the value stands; -1 in the padding.
  func places(in sizes: [Int]) -> [Int] {
    let apart = RefrainFormats.strides(of: sizes)
    var places: [Int] = []
    forEachIndex(of: output) { output in
      forEachIndex(of: kernel) { tap in
        var place = 0
        for axis in sizes.indices {
          let at = output[axis] * strides[axis] - before[axis] + tap[axis] * dilations[axis]
          guard at >= 0, at < sizes[axis] else { return places.append(-1) }
          place += at * apart[axis]
        }
        places.append(place)
      }
    }
    return places
  }
}

extension ONNXOperators {
  private static let window: [String: ONNXAttribute.Kind] = [
    "auto_pad": .string, "kernel_shape": .integers, "pads": .integers, "strides": .integers,
  ]

  static let convolution: [ONNXOperator] = [
    ONNXOperator(
      "Conv", inputs: 2...3, window.merging(["dilations": .integers, "group": .integer]) { $1 }, check: checkWindow,
      run: convolve),
    ONNXOperator(
      "MaxPool", window.merging(["dilations": .integers, "ceil_mode": .integer, "storage_order": .integer]) { $1 },
      check: checkWindow
    ) { call throws(DataError) in
      try pool(call) { rows, _ in
        rows.maximum()
      } padding: { _ in
        -.infinity
      }
    },
    ONNXOperator(
      "AveragePool",
      window.merging(["dilations": .integers, "ceil_mode": .integer, "count_include_pad": .integer]) { $1 },
      check: checkWindow
    ) { call throws(DataError) in
      try pool(call) { rows, counts in
        rows.sum(axes: [2]) / counts
      } padding: { _ in
        0
      }
    },
    ONNXOperator("GlobalAveragePool") { call throws(DataError) in
      let x = try call.tensor(0)
      guard x.rank >= 3, x.count > 0 else { throw call.fault("its input of shape \(x.shape) has no places") }
      return [call.like(0, x.mean(axes: Array(2..<x.rank), keepingAxes: true))]
    },
    ONNXOperator("GlobalMaxPool") { call throws(DataError) in
      let x = try call.tensor(0)
      guard x.rank >= 3, x.count > 0 else { throw call.fault("its input of shape \(x.shape) has no places") }
      let shape = x.shape[..<2] + Array(repeating: 1, count: x.rank - 2)
      return [call.like(0, x.reshaped([x.shape[0] * x.shape[1], -1]).maximum().reshaped(Array(shape)))]
    },
  ]

  @Sendable private static func checkWindow(_ node: ONNXNode) throws(DataError) {
    let mode = node.string("auto_pad") ?? "NOTSET"
    guard ["NOTSET", "VALID", "SAME_UPPER", "SAME_LOWER"].contains(mode) else {
      throw node.unsupported("its padding \(mode.quoted) is not supported")
    }
    guard node.integer("ceil_mode") ?? 0 == 0 else { throw node.unsupported("rounding its size up is not supported") }
  }

  /// A product of the weights with patches of the input, for each group of channels: `[N, C, size…]`, weights `[O, C / groups,
  /// kernel…]` → `[N, O, size′…]`.
  @Sendable private static func convolve(_ call: ONNXCall) throws(DataError) -> [ONNXValue] {
    let (x, weight) = (try call.tensor(0), try call.tensor(1))
    let groups = call.node.integer("group") ?? 1
    guard x.rank == weight.rank, x.rank >= 3, groups > 0, groups <= x.shape[1], x.shape[1] == weight.shape[1] * groups,
      weight.shape[0] % groups == 0
    else {
      throw call.fault("weights of shape \(weight.shape) in \(groups) groups do not fit an input of shape \(x.shape)")
    }
    let kernel = Array(weight.shape[2...])
    guard call.node.integers("kernel_shape") ?? kernel == kernel else {
      throw call.fault("its weights are not of its kernel")
    }
    let window = try ONNXWindow(call, x.shape, kernel: kernel)
    let (samples, outputs) = (x.shape[0], weight.shape[0])
    let shape = [samples, outputs] + window.output
    let (places, channels) = (window.output.reduce(1, *), weight.shape[1])
    let width = channels * kernel.reduce(1, *)
    try call.checkSize(shape)
    try call.checkSize([samples, groups, places, width])
    guard !shape.contains(0), width > 0 else { return [call.like(0, .zeros(shape))] }
    let patches = try patches(call, x, window)
    var parts: [Tensor] = []
    for group in 0..<groups {
      // [N, C, places, taps] → [N · places, C · taps]
      let rows = patches.slice(group * channels..<(group + 1) * channels, axis: 1).transposed([0, 2, 1, 3])
        .reshaped([samples * places, width])
      let filters = weight.slice(group * outputs / groups..<(group + 1) * outputs / groups, axis: 0)
        .reshaped([outputs / groups, width])
      parts.append(rows.matrixProduct(filters, transposingOther: true))
    }
    var result = concatenate(parts, axis: 1)
    if let bias = try call.optionalTensor(2) {
      guard bias.shape == [outputs] else { throw call.fault("its bias has shape \(bias.shape), expected [\(outputs)]") }
      result = result + bias
    }
    return [call.like(0, result.reshaped([samples, places, outputs]).transposed([0, 2, 1]).reshaped(shape))]
  }

  /// What each output sees of the input, `[N, C, places, taps]`, with `padding` around it.
  private static func patches(
    _ call: ONNXCall, _ x: Tensor, _ window: ONNXWindow, padding: Float = 0
  ) throws(DataError) -> Tensor {
    let planes = x.shape[0] * x.shape[1]
    let size = x.shape[2...].reduce(1, *)
    let places = window.places(in: Array(x.shape[2...]))
    try call.checkSize([planes, places.count])
    var taken: [Int] = []
    taken.reserveCapacity(planes * places.count)
    for plane in 0..<planes { for place in places { taken.append(place < 0 ? x.count : plane * size + place) } }
    let taps = window.kernel.reduce(1, *)
    return concatenate([x.reshaped([x.count]), Tensor([padding])], axis: 0)
      .picking(taken, shape: [x.shape[0], x.shape[1], places.count / taps, taps])
  }

  /// A function of the values that each output sees, `[N, C, places, taps]` → `[N, C, places]`.
  private static func pool(
    _ call: ONNXCall, _ function: (_ rows: Tensor, _ counts: Tensor) -> Tensor, padding: (ONNXCall) -> Float
  ) throws(DataError) -> [ONNXValue] {
    let x = try call.tensor(0)
    guard x.rank >= 3, let kernel = call.node.integers("kernel_shape") else {
      throw call.fault("its input of shape \(x.shape) has no places, or it has no kernel")
    }
    let window = try ONNXWindow(call, x.shape, kernel: kernel)
    let shape = Array(x.shape[..<2]) + window.output
    try call.checkSize([x.shape[0], x.shape[1], window.output.reduce(1, *), kernel.reduce(1, *)])
    if shape.contains(0) || x.count == 0 { return [call.like(0, .zeros(shape))] }
    let taps = kernel.reduce(1, *)
    let places = window.places(in: Array(x.shape[2...]))
    let countsPadding = call.node.integer("count_include_pad") ?? 0 != 0
    let counts = stride(from: 0, to: places.count, by: taps).map { start in
      Float(countsPadding ? taps : places[start..<start + taps].count { $0 >= 0 })
    }
    let rows = try patches(call, x, window, padding: padding(call))
    let planes = x.shape[0] * x.shape[1]
    let result = function(rows.reshaped([planes, counts.count, taps]), Tensor(counts, shape: [counts.count]))
    return [call.like(0, result.reshaped(shape))]
  }
}
