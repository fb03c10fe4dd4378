import Refrain
import RefrainData

// ConvTranspose: the map whose backward pass is a convolution.

extension ONNXOperators {
  static let transposedConvolution: [ONNXOperator] = [
    ONNXOperator(
      "ConvTranspose", inputs: 2...3,
      window.merging(
        ["dilations": .integers, "group": .integer, "output_padding": .integers, "output_shape": .integers]
      ) { $1 }, check: checkWindow, run: transposedConvolve)
  ]

  /// Each output is a product of the weights with the inputs that reach it, for each group of channels: `[N, C,
  /// size…]`, weights `[C, O / groups, kernel…]` → `[N, O, size′…]`.
  @Sendable private static func transposedConvolve(_ call: ONNXCall) throws(DataError) -> [ONNXValue] {
    let (x, weight) = (try call.tensor(0), try call.tensor(1))
    let groups = call.node.integer("group") ?? 1
    guard x.rank == weight.rank, x.rank >= 3, groups > 0, groups <= max(x.shape[1], 1), x.shape[1] == weight.shape[0],
      x.shape[1] % groups == 0
    else {
      throw call.fault("weights of shape \(weight.shape) in \(groups) groups do not fit an input of shape \(x.shape)")
    }
    let kernel = Array(weight.shape[2...])
    guard call.node.integers("kernel_shape") ?? kernel == kernel else {
      throw call.fault("its weights are not of its kernel")
    }
    let window = try TransposedWindow(call, Array(x.shape[2...]), kernel: kernel)
    let (samples, channels, own) = (x.shape[0], x.shape[1] / groups, weight.shape[1])
    let outputs = own * groups
    let shape = [samples, outputs] + window.output
    let (places, taps) = (window.output.reduce(1, *), kernel.reduce(1, *))
    try call.checkSize(shape, of: .float32)
    let bias = try call.optionalTensor(2)
    guard bias?.shape ?? [outputs] == [outputs] else {
      throw call.fault("its bias has shape \(bias?.shape ?? []), expected [\(outputs)]")
    }
    guard !shape.contains(0), channels > 0, taps > 0, x.count > 0 else {
      let zeros = Tensor.zeros([samples, outputs, places])
      let shifted = bias.map { zeros + $0.reshaped([outputs, 1]) } ?? zeros
      return [call.like(0, shifted.reshaped(shape))]
    }
    try call.checkPatches([samples, x.shape[1]], places, taps, of: .float32)
    let filling = ONNXValue(Tensor([0]))
    let patches = try gathered(call, ONNXValue(x), window.places(), filling, taps: kernel).asTensor
    var parts: [Tensor] = []
    for group in 0..<groups {
      let range = group * channels..<(group + 1) * channels
      // [N, C, places, taps] → [N · places, C · taps]
      let rows = patches.slice(range, axis: 1).transposed([0, 2, 1, 3]).reshaped([samples * places, channels * taps])
      // [C, O, taps] → [O, C · taps]
      let filters = weight.slice(range, axis: 0).reshaped([channels, own, taps]).transposed([1, 0, 2])
        .reshaped([own, channels * taps])
      parts.append(rows.matrixProduct(filters, transposingOther: true))
    }
    let result = Refrain.concatenate(parts, axis: 1)
    let shifted = bias.map { result + $0 } ?? result
    return [call.like(0, shifted.reshaped([samples, places, outputs]).transposed([0, 2, 1]).reshaped(shape))]
  }
}

/// How the window of a transposed convolution moves: over its output, whose places it fills from the input.
private struct TransposedWindow {
  private let sizes, kernel: [Int]
  private var strides, dilations, before: [Int]
  private(set) var output: [Int] = []

  init(_ call: ONNXCall, _ sizes: [Int], kernel: [Int]) throws(DataError) {
    let axes = sizes.count
    func numbers(_ name: String, _ count: Int, _ absent: Int, least: Int) throws(DataError) -> [Int] {
      let values = call.node.integers(name) ?? Array(repeating: absent, count: count)
      guard values.count == count, values.allSatisfy({ $0 >= least && $0 <= 1 << 24 }) else {
        throw call.fault("its \(name) are \(values), expected \(count) of at least \(least)")
      }
      return values
    }
    guard (1...3).contains(axes), kernel.count == axes, kernel.allSatisfy({ $0 > 0 && $0 <= 1 << 24 }) else {
      throw call.fault("an input of sizes \(sizes) and a kernel of \(kernel) do not fit each other")
    }
    (self.sizes, self.kernel) = (sizes, kernel)
    strides = try numbers("strides", axes, 1, least: 1)
    dilations = try numbers("dilations", axes, 1, least: 1)
    let pads = try numbers("pads", 2 * axes, 0, least: 0)
    let extra = try numbers("output_padding", axes, 0, least: 0)
    before = Array(pads[..<axes])
    let mode = call.node.string("auto_pad") ?? "NOTSET"
    // In older models the output's shape has the batch and the channels too.
    var wanted = call.node.integers("output_shape").map { Array($0.suffix(axes)) }
    guard wanted?.count ?? axes == axes, wanted?.allSatisfy({ $0 > 0 && $0 <= 1 << 30 }) ?? true else {
      throw call.fault("its output's shape \(wanted ?? []) is not of \(axes) sizes")
    }
    if wanted == nil, mode.hasPrefix("SAME") { wanted = zip(sizes, strides).map { $0 * $1 } }
    for axis in 0..<axes {
      // All that the windows reach.
      let reach = strides[axis] * (sizes[axis] - 1) + extra[axis] + (kernel[axis] - 1) * dilations[axis] + 1
      if let wanted {
        let total = max(0, reach - wanted[axis])
        before[axis] = mode == "SAME_UPPER" ? total / 2 : total - total / 2
        output.append(wanted[axis])
      } else {
        let size = reach - pads[axis] - pads[axes + axis]
        guard size >= 0 else { throw call.fault("its pads \(pads) leave nothing of an input of sizes \(sizes)") }
        output.append(size)
      }
    }
    try call.checkSize(output, of: .float32)
  }

  /// For each output and each tap of the kernel, where in an input's plane the value stands that reaches it; nil where
  /// there is none.
  func places() -> [Int?] {
    let apart = RefrainFormats.strides(of: sizes)
    var places: [Int?] = []
    places.reserveCapacity(output.reduce(1, *) * kernel.reduce(1, *))
    forEachIndex(of: output) { index in
      forEachIndex(of: kernel) { tap in
        var place: Int? = 0
        for axis in index.indices {
          let distance = index[axis] + before[axis] - tap[axis] * dilations[axis]
          guard distance >= 0, distance % strides[axis] == 0, distance / strides[axis] < sizes[axis] else {
            place = nil
            break
          }
          place = place.map { $0 + distance / strides[axis] * apart[axis] }
        }
        places.append(place)
      }
    }
    return places
  }
}
