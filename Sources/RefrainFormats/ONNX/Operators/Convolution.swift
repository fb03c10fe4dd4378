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
    try call.checkSize(kernel, of: .float32)
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
      var outputs = room / strides[axis] + 1
      // Rounded up there is one more window, unless it would begin in the padding at the end.
      if call.node.integer("ceil_mode") ?? 0 != 0, room % strides[axis] != 0,
        outputs * strides[axis] < shape[axis + 2] + before[axis]
      {
        outputs += 1
      }
      output.append(outputs)
    }
    try call.checkSize(output, of: .float32)
  }

  /// For each output and each tap of the kernel, where in one `[size…]` plane the value stands; nil outside of it.
  func places(in sizes: [Int]) -> [Int?] {
    let apart = RefrainFormats.strides(of: sizes)
    return positions { at in
      zip(at, sizes).allSatisfy { $0 >= 0 && $0 < $1 } ? zip(at, apart).reduce(0) { $0 + $1.0 * $1.1 } : nil
    }
  }

  /// For each output and each tap of the kernel, whether it lies within the values or their padding.
  func isPadded(in sizes: [Int]) -> [Bool] {
    positions { at in at.indices.allSatisfy { at[$0] >= -before[$0] && at[$0] < sizes[$0] + after[$0] } }
  }

  private func positions<Result>(_ body: (_ at: [Int]) -> Result) -> [Result] {
    var results: [Result] = []
    forEachIndex(of: output) { output in
      forEachIndex(of: kernel) { tap in
        results.append(body(output.indices.map { output[$0] * strides[$0] - before[$0] + tap[$0] * dilations[$0] }))
      }
    }
    return results
  }
}

extension ONNXOperators {
  static let window: [String: ONNXAttribute.Kind] = [
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
      try pool(call, padding: -.infinity) { rows, _ in rows.maximum(axis: -1) }
    },
    ONNXOperator(
      "AveragePool",
      window.merging(["dilations": .integers, "ceil_mode": .integer, "count_include_pad": .integer]) { $1 },
      check: checkWindow
    ) { call throws(DataError) in
      try pool(call, padding: 0) { rows, counts in rows.sum(axes: [2]) / counts }
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
      return [call.like(0, x.reshaped([x.shape[0] * x.shape[1], -1]).maximum(axis: -1).reshaped(Array(shape)))]
    },
  ]

  @Sendable static func checkWindow(_ node: ONNXNode) throws(DataError) {
    let mode = node.string("auto_pad") ?? "NOTSET"
    guard ["NOTSET", "VALID", "SAME_UPPER", "SAME_LOWER"].contains(mode) else {
      throw node.unsupported("its padding \(mode.quoted) is not supported")
    }
  }

  /// A product of the weights with patches of the input, for each group of channels: `[N, C, size…]`, weights `[O, C /
  /// groups, kernel…]` → `[N, O, size′…]`.
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
    try call.checkSize(shape, of: .float32)
    guard !shape.contains(0), width > 0 else { return [call.like(0, .zeros(shape))] }
    let bias = try call.optionalTensor(2)
    guard bias?.shape ?? [outputs] == [outputs] else {
      throw call.fault("its bias has shape \(bias?.shape ?? []), expected [\(outputs)]")
    }
    if groups == 1, window.dilations.allSatisfy({ $0 == 1 }) {
      let result = try convolved(call, x, weight, window)
      let last = x.rank - 1
      let shifted = bias.map { result + $0 } ?? result
      return [call.like(0, shifted.transposed([0, last] + Array(1..<last)))]
    }
    try call.checkPatches([samples, x.shape[1]], places, kernel.reduce(1, *), of: .float32)
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
    let result = Refrain.concatenate(parts, axis: 1)
    let shifted = bias.map { result + $0 } ?? result
    return [call.like(0, shifted.reshaped([samples, places, outputs]).transposed([0, 2, 1]).reshaped(shape))]
  }

  /// The convolution by Refrain's own, which has its channels last: `[N, size′…, O]`.
  private static func convolved(
    _ call: ONNXCall, _ x: Tensor, _ weight: Tensor, _ window: ONNXWindow
  ) throws(DataError) -> Tensor {
    func channelsLast(_ x: Tensor) -> Tensor { x.transposed([0] + Array(2..<x.rank) + [1]) }
    var padded = channelsLast(x)
    for axis in window.kernel.indices {
      func zeros(_ count: Int) throws(DataError) -> [Tensor] {
        if count == 0 { return [] }
        var shape = padded.shape
        shape[axis + 1] = count
        try call.checkSize(shape, of: .float32)
        return [.zeros(shape)]
      }
      padded = Refrain.concatenate(
        try zeros(window.before[axis]) + [padded] + zeros(window.after[axis]), axis: axis + 1)
    }
    return padded.convolution(weight: channelsLast(weight), strides: window.strides, padding: .valid)
  }

  /// What each output sees of the input, `[N, C, places, taps]`, with `padding` around it.
  private static func patches(
    _ call: ONNXCall, _ x: Tensor, _ window: ONNXWindow, padding: Float = 0
  ) throws(DataError) -> Tensor {
    let filling = ONNXValue(Tensor([padding]))
    return try gathered(call, ONNXValue(x), window.places(in: Array(x.shape[2...])), filling, taps: window.kernel)
      .asTensor
  }

  /// For each plane of a value `[N, C, size…]` what stands at places of it, `[N, C, places, taps]`; `filling` where the
  /// place is nil.
  static func gathered(
    _ call: ONNXCall, _ x: ONNXValue, _ places: [Int?], _ filling: ONNXValue, taps kernel: [Int]
  ) throws(DataError) -> ONNXValue {
    let planes = x.shape[0] * x.shape[1]
    let size = x.shape[2...].reduce(1, *)
    try call.checkSize([planes, places.count], of: x.type, beside: ONNXCall.placeSize)
    var taken: [Int] = []
    taken.reserveCapacity(planes * places.count)
    for plane in 0..<planes { for place in places { taken.append(place.map { plane * size + $0 } ?? x.count) } }
    let taps = kernel.reduce(1, *)
    return ONNXValue.flattened([x, filling])
      .picking(taken, shape: [x.shape[0], x.shape[1], places.count / taps, taps])
  }

  /// A function of the values that each output sees, `[N, C, places, taps]` → `[N, C, places]`.
  private static func pool(
    _ call: ONNXCall, padding: Float, _ function: (_ rows: Tensor, _ counts: Tensor) -> Tensor
  ) throws(DataError) -> [ONNXValue] {
    let x = try call.tensor(0)
    guard x.rank >= 3, let kernel = call.node.integers("kernel_shape") else {
      throw call.fault("its input of shape \(x.shape) has no places, or it has no kernel")
    }
    let window = try ONNXWindow(call, x.shape, kernel: kernel)
    let shape = Array(x.shape[..<2]) + window.output
    try call.checkPatches(
      Array(x.shape[..<2]), window.output.reduce(1, *), kernel.reduce(1, *), of: .float32)
    if shape.contains(0) || x.count == 0 { return [call.like(0, .zeros(shape))] }
    let taps = kernel.reduce(1, *)
    let sizes = Array(x.shape[2...])
    let countsPadding = call.node.integer("count_include_pad") ?? 0 != 0
    let isCounted = countsPadding ? window.isPadded(in: sizes) : window.places(in: sizes).map { $0 != nil }
    let counts = stride(from: 0, to: isCounted.count, by: taps).map { start in
      Float(isCounted[start..<start + taps].count { $0 })
    }
    let rows = try patches(call, x, window, padding: padding)
    let planes = x.shape[0] * x.shape[1]
    let result = function(rows.reshaped([planes, counts.count, taps]), Tensor(counts, shape: [counts.count]))
    return [call.like(0, result.reshaped(shape))]
  }
}
