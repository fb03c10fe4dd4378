/// Writes what `torch.load(weights_only=True)` reads: an ordered dictionary of tensors in protocol 2, each in a storage
/// of its own, whose file's name is the tensor's place.
enum PickleWriter {
  /// The pickle of contiguous tensors.
  static func bytes(_ tensors: [(name: String, storage: PickleGlobal, shape: [Int])]) -> [UInt8] {
    var program = Program()
    program.add(.proto, [2])
    program.addEmptyDictionary()
    program.add(.mark)
    for (index, tensor) in tensors.enumerated() {
      program.add(text: tensor.name)
      program.add(tensor, key: String(index))
    }
    program.add(.setItems)
    program.add(.stop)
    return program.bytes
  }

  private struct Program {
    private(set) var bytes: [UInt8] = []

    mutating func add(_ operation: PickleOperation, _ arguments: [UInt8] = []) {
      bytes.append(operation.rawValue)
      bytes += arguments
    }

    mutating func add(text: String) {
      let letters = Array(text.utf8)
      add(.text4, withUnsafeBytes(of: UInt32(letters.count).littleEndian, Array.init) + letters)
    }

    mutating func add(_ number: Int) {
      if let small = Int32(exactly: number) {
        add(.integer, withUnsafeBytes(of: small.littleEndian, Array.init))
      } else {
        add(.long1, [8] + withUnsafeBytes(of: Int64(number).littleEndian, Array.init))
      }
    }

    mutating func add(_ global: PickleGlobal) {
      let dot = global.rawValue.lastIndex(of: ".") ?? global.rawValue.startIndex
      let (module, name) = (global.rawValue[..<dot], global.rawValue[dot...].dropFirst())
      add(.global, Array("\(module)\n\(name)\n".utf8))
    }

    mutating func add(_ numbers: [Int]) {
      add(.mark)
      for number in numbers { add(number) }
      add(.tuple)
    }

    mutating func addEmptyDictionary() {
      add(.orderedDictionary)
      add(.emptyTuple)
      add(.reduce)
    }

    mutating func add(_ tensor: (name: String, storage: PickleGlobal, shape: [Int]), key: String) {
      // _rebuild_tensor_v2(storage, offset, shape, strides, requires_grad, backward_hooks)
      add(.rebuildTensor2)
      add(.mark)
      add(.mark)
      add(text: "storage")
      add(tensor.storage)
      add(text: key)
      add(text: "cpu")
      add(tensor.shape.reduce(1, *))
      add(.tuple)
      add(.persistentID)
      add(0)
      add(tensor.shape)
      add(contiguousStrides(tensor.shape))
      add(.newFalse)
      addEmptyDictionary()
      add(.tuple)
      add(.reduce)
    }

    private func contiguousStrides(_ shape: [Int]) -> [Int] {
      var strides = Array(repeating: 1, count: shape.count)
      for axis in shape.indices.dropLast().reversed() { strides[axis] = strides[axis + 1] * max(shape[axis + 1], 1) }
      return strides
    }
  }
}
