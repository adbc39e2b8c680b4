# find_package(tensor) gives the target tensor::tensor: the include folder, libm and threads. One source file of yours
# defines TENSOR_IMPLEMENTATION.
get_filename_component(_tensor_prefix "${CMAKE_CURRENT_LIST_DIR}/../../.." ABSOLUTE)
include(CMakeFindDependencyMacro)
find_dependency(Threads)
if(NOT TARGET tensor::tensor)
  add_library(tensor::tensor INTERFACE IMPORTED)
  set_target_properties(tensor::tensor PROPERTIES
    INTERFACE_INCLUDE_DIRECTORIES "${_tensor_prefix}/include"
    INTERFACE_LINK_LIBRARIES "m;Threads::Threads")
endif()
unset(_tensor_prefix)
