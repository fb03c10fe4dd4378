extension Tensor {
  /// The matrix with each value rounded to the nearest bfloat16, the upper half of a float: to eight bits, of any size.
  /// Products with it, where nothing is recorded, are of pairs of such numbers where the processor has instructions for
  /// them (AVX-512 BF16), with the rows that it multiplies rounded too and sums of floats; elsewhere of floats.
  ///
  /// As it is stays a tensor of rank 0 or 1, and one of a single row.
  public func roundedToBFloat16() -> Tensor {
    guard rank >= 2, shape[0] >= 2, !isBFloat16 else { return self }
    let rounded = Tensor(shape) { target in
      read { values in
        for place in 0..<count { target[place] = values[place].nearestBFloat16 }
      }
    }
    rounded.storage.setBFloat16()
    return rounded
  }

  /// Whether the tensor is a matrix that was rounded to bfloat16, and not written since.
  public var isBFloat16: Bool { rank >= 2 && storage.isBFloat16 }
}

extension TensorGroup {
  /// The group with every matrix rounded to bfloat16 (``Tensor/roundedToBFloat16()``): half of the size in a file, and
  /// faster where nothing is recorded and the processor has instructions for it. Training makes floats of them again.
  public func roundedToBFloat16() -> Self { mapTensors { $0.roundedToBFloat16() } }
}

extension Float {
  /// The nearest number whose lower sixteen bits are zero, even in a tie.
  fileprivate var nearestBFloat16: Float {
    // What is no number stays none, even when its payload lies in the lower half alone.
    if isNaN { return Float(bitPattern: bitPattern & 0xFFFF_0000 | 0x0040_0000) }
    return Float(bitPattern: (bitPattern + 0x7FFF + (bitPattern >> 16 & 1)) & 0xFFFF_0000)
  }
}
