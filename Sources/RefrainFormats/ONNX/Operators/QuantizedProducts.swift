import Refrain
import RefrainData

// Products of numbers of few bits, in whole numbers.

extension ONNXOperators {
  static let quantizedProducts: [ONNXOperator] = [
    ONNXOperator("MatMulInteger", inputs: 2...4, learned: []) { call throws(DataError) in
      let product = try integerProduct(call, 0, 1, zeros: (2, 3))
      return [ONNXValue(product.values, shape: product.shape, type: .int32)]
    },
    ONNXOperator("QLinearMatMul", inputs: 8...8, learned: []) { call throws(DataError) in
      let product = try integerProduct(call, 0, 3, zeros: (2, 5))
      let columns = max(product.shape.last ?? 1, 1)
      return [
        try requantized(call, product.values, product.shape, scales: (1, 4, 6), zero: 7) { $0 % columns }
      ]
    },
    ONNXOperator(
      "ConvInteger", inputs: 2...4, window.merging(["dilations": .integers, "group": .integer]) { $1 },
      check: checkWindow, learned: []
    ) { call throws(DataError) in
      let sums = try integerConvolution(call, 0, 1, zeros: (2, 3), bias: nil)
      return [ONNXValue(sums.values, shape: sums.shape, type: .int32)]
    },
    ONNXOperator(
      "QLinearConv", inputs: 8...9, window.merging(["dilations": .integers, "group": .integer]) { $1 },
      check: checkWindow, learned: []
    ) { call throws(DataError) in
      let sums = try integerConvolution(call, 0, 3, zeros: (2, 5), bias: try call.optionalIntegers(8))
      let plane = max(sums.shape[2...].reduce(1, *), 1)
      let channels = max(sums.shape[1], 1)
      return [
        try requantized(call, sums.values, sums.shape, scales: (1, 4, 6), zero: 7) { $0 / plane % channels }
      ]
    },
  ]

  /// Sums of products as numbers of few bits again: multiplied by the scales of both factors over that of the result.
  ///
  /// - Parameter channel: which of the second factor's scales belongs to a place, where it has several.
  private static func requantized(
    _ call: ONNXCall, _ sums: [Int], _ shape: [Int], scales: (Int, Int, Int), zero: Int, channel: (Int) -> Int
  ) throws(DataError) -> ONNXValue {
    let (first, result) = (try call.number(scales.0), try call.number(scales.2))
    let second = try call.tensor(scales.1).values
    let zeroPoint = try call.input(zero)
    guard let zeros = zeroPoint.integers, zeros.count == 1, let range = zeroPoint.type.range, zeroPoint.type.size <= 2
    else { throw call.fault("its result's zero point is not one number of 8 or 16 bits") }
    let channels = sums.indices.lazy.map(channel).max() ?? 0
    guard second.count == 1 || second.count > channels else {
      throw call.fault("it has \(second.count) scales for \(channels + 1) channels")
    }
    let factors = second.map { first * $0 / result }
    let values = sums.enumerated().map { place, sum in
      quantized(Float(sum) * factors[factors.count == 1 ? 0 : channel(place)], 1, zeros[0], range)
    }
    return ONNXValue(values, shape: shape, type: zeroPoint.type)
  }

  /// A factor less its zero point, of which there is one, or one for each place of an axis.
  private static func centered(
    _ call: ONNXCall, _ index: Int, zero: Int, axis: Int
  ) throws(DataError) -> (values: [Int], shape: [Int]) {
    let (value, numbers) = (try call.input(index), try call.integers(index))
    guard value.type.size == 1 else { throw call.fault("its input \(index) is not of 8 bits") }
    guard let zeros = try call.optionalIntegers(zero), !zeros.isEmpty else { return (numbers, value.shape) }
    if zeros.count == 1 { return (numbers.map { $0 - zeros[0] }, value.shape) }
    let place = try call.axis(axis, rank: value.rank)
    guard zeros.count == value.shape[place] else {
      throw call.fault("\(zeros.count) zero points do not fit a factor of shape \(value.shape)")
    }
    let inner = value.shape[(place + 1)...].reduce(1, *)
    return (numbers.enumerated().map { $1 - zeros[$0 / inner % zeros.count] }, value.shape)
  }

  /// As MatMul, in whole numbers of 32 bits.
  private static func integerProduct(
    _ call: ONNXCall, _ first: Int, _ second: Int, zeros: (Int, Int)
  ) throws(DataError) -> (values: [Int], shape: [Int]) {
    let (rankA, rankB) = (try call.input(first).rank, try call.input(second).rank)
    guard rankA > 0, rankB > 0 else { throw call.fault("a factor is a single number") }
    var (a, b) = (
      try centered(call, first, zero: zeros.0, axis: rankA > 1 ? -2 : 0),
      try centered(call, second, zero: zeros.1, axis: -1)
    )
    if rankA == 1 { a.shape = [1] + a.shape }
    if rankB == 1 { b.shape += [1] }
    let (rows, depth, columns) = (a.shape[a.shape.count - 2], a.shape[a.shape.count - 1], b.shape[b.shape.count - 1])
    guard depth == b.shape[b.shape.count - 2] else {
      throw call.fault("its inputs of shapes \(a.shape) and \(b.shape) do not fit a product")
    }
    let (leadA, leadB) = (Array(a.shape.dropLast(2)), Array(b.shape.dropLast(2)))
    let batch = try call.broadcast(leadA, leadB, of: .int64)
    // The sums, and the same in 32 bits.
    try call.checkSize(batch + [rows, columns], of: .int64, beside: ElementType.int32.sizeInMemory)
    let (startsA, startsB) = (repeatedPlaces(of: leadA, in: batch), repeatedPlaces(of: leadB, in: batch))
    var values: [Int] = []
    values.reserveCapacity(startsA.count * rows * columns)
    for (startA, startB) in zip(startsA, startsB) {
      values += product(
        a.values[(startA * rows * depth)..<((startA + 1) * rows * depth)],
        b.values[(startB * depth * columns)..<((startB + 1) * depth * columns)], rows, depth, columns)
    }
    let shape = batch + (rankA == 1 ? [] : [rows]) + (rankB == 1 ? [] : [columns])
    return (values.map { Int(Int32(truncatingIfNeeded: $0)) }, shape)
  }

  /// `[rows, depth]` times `[depth, columns]`.
  private static func product(
    _ a: ArraySlice<Int>, _ b: ArraySlice<Int>, _ rows: Int, _ depth: Int, _ columns: Int
  ) -> [Int] {
    var result = [Int](repeating: 0, count: rows * columns)
    for row in 0..<rows {
      for step in 0..<depth {
        let factor = a[a.startIndex + row * depth + step]
        let start = b.startIndex + step * columns
        for column in 0..<columns { result[row * columns + column] &+= factor &* b[start + column] }
      }
    }
    return result
  }

  /// As Conv, in whole numbers; what lies around the input is its zero point.
  private static func integerConvolution(
    _ call: ONNXCall, _ first: Int, _ second: Int, zeros: (Int, Int), bias: [Int]?
  ) throws(DataError) -> (values: [Int], shape: [Int]) {
    let x = try centered(call, first, zero: zeros.0, axis: 1)
    let weight = try centered(call, second, zero: zeros.1, axis: 0)
    let groups = call.node.integer("group") ?? 1
    guard x.shape.count == weight.shape.count, x.shape.count >= 3, groups > 0, groups <= max(x.shape[1], 1),
      x.shape[1] == weight.shape[1] * groups, weight.shape[0] % groups == 0
    else {
      throw call.fault("weights of shape \(weight.shape) in \(groups) groups do not fit an input of shape \(x.shape)")
    }
    let kernel = Array(weight.shape[2...])
    guard call.node.integers("kernel_shape") ?? kernel == kernel else {
      throw call.fault("its weights are not of its kernel")
    }
    let window = try ONNXWindow(call, x.shape, kernel: kernel)
    let (samples, outputs, channels) = (x.shape[0], weight.shape[0], weight.shape[1])
    let (places, taps) = (window.output.reduce(1, *), kernel.reduce(1, *))
    let shape = [samples, outputs] + window.output
    try call.checkSize(shape, of: .int64, beside: ElementType.int32.sizeInMemory)
    try call.checkPatches([samples, x.shape[1]], places, taps, of: .int64)
    guard bias?.count ?? outputs == outputs else { throw call.fault("its bias is not of \(outputs) values") }
    guard !shape.contains(0) else { return ([], shape) }
    let input = ONNXValue(x.values, shape: x.shape)
    let zero = ONNXValue([0], shape: [1])
    let patches =
      try gathered(call, input, window.places(in: Array(x.shape[2...])), zero, taps: kernel).integers ?? []
    var values = [Int](repeating: 0, count: samples * outputs * places)
    for sample in 0..<samples {
      for output in 0..<outputs {
        let group = output / (outputs / groups)
        for channel in 0..<channels {
          let plane = ((sample * groups + group) * channels + channel) * places * taps
          let filter = (output * channels + channel) * taps
          for place in 0..<places {
            var sum = 0
            for tap in 0..<taps { sum &+= patches[plane + place * taps + tap] &* weight.values[filter + tap] }
            values[(sample * outputs + output) * places + place] &+= sum
          }
        }
        if let bias {
          let start = (sample * outputs + output) * places
          for place in 0..<places { values[start + place] &+= bias[output] }
        }
      }
    }
    return (values.map { Int(Int32(truncatingIfNeeded: $0)) }, shape)
  }
}
