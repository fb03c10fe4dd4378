/// Placeholder until the kernels land.
public func kernelsPlaceholder() {}
