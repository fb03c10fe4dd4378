import RefrainKernels

extension FusedCell {
  /// One step by the kernel, without a tape, in place, and without memory but what is kept from step to step.
  func advanceFused(_ state: inout State, with input: Tensor) {
    checkFusedWeights()
    require(
      input.rank == 2 && input.shape[1] == inputSize,
      "\(Self.name): the input has shape \(input.shape), expected [B, \(inputSize)]")
    let (batch, size) = (input.shape[0], hiddenSize)
    guard Recording.current == nil, (1...identityCount).contains(batch) else {
      state = step(project(input), state)
      return
    }
    let format = weightFormat
    let packed = packedForward(isKept: true, as: format)
    let parameters = packedParameters(isKept: true)
    let padded = kernels.paddedSize(size)
    // The kernels' scratch, and where the states' rows are not whole vectors, a copy of these.
    let isPadded = padded != size
    let block = batch * padded
    let floats = (Self.scratchBlocks + (isPadded ? 2 : 0)) * block
    let (memory, capacity) = BufferPool.shared.take(
      floats + byteMemorySize(format, rows: batch, inputRows: batch))
    defer { BufferPool.shared.give(memory, capacity) }
    let copies = memory + Self.scratchBlocks * block
    var states: (M, M) = (copies, copies)
    var count = 0
    state.forEachTensor { _, tensor in
      require(
        tensor.shape == [batch, size],
        "\(Self.name): the state has shape \(tensor.shape), expected [\(batch), \(size)]")
      var place = tensor.write { $0 }
      if isPadded {
        let copy = copies + count * block
        kernels.fill(block, 0, copy)
        for row in 0..<batch { kernels.copy(size, place + row * size, copy + row * padded) }
        place = copy
      }
      if count == 0 { states.0 = place }
      states.1 = place
      count += 1
    }
    withUnsafePointer(to: batch) { alive in
      withUnsafePointer(to: 0) { offsets in
        input.read { input in
          var arguments = forwardArguments(
            KernelSchedule(steps: 1, alive: alive, offsets: offsets, positions: identity), rows: batch, input: input,
            packed: packed, parameters: parameters, hidden: states.0, cell: states.1, scratch: memory)
          arguments.bytes = byteArguments(format, memory + floats, rows: batch, input: input, inputRows: batch)
          let work = size * (inputSize + size)
          if forwardByUnits(arguments, weights: packed.count, rowParts: 1) { return }
          if batch == 1 || batch * work < 1 << 19 {
            kernels.recurrentForward(arguments, 0, batch)
          } else {
            parallel(batch, grain: max(1, 1 << 18 / work), multiple: 6) { [arguments] in
              kernels.recurrentForward(arguments, $0.lowerBound, $0.upperBound)
            }
          }
        }
      }
    }
    if isPadded {
      count = 0
      state.forEachTensor { _, tensor in
        let copy = copies + count * block
        tensor.write { place in
          for row in 0..<batch { kernels.copy(size, copy + row * padded, place + row * size) }
        }
        count += 1
      }
    }
    withExtendedLifetime((packed, parameters, state)) {}
  }
}

/// The numbers 0, 1, 2, …: the positions of the rows of a single step.
nonisolated(unsafe) private let identity: UnsafePointer<Int> = {
  let numbers = UnsafeMutablePointer<Int>.allocate(capacity: identityCount)
  for index in 0..<identityCount { (numbers + index).initialize(to: index) }
  return UnsafePointer(numbers)
}()
private let identityCount = 4096
